/* Loss, gradient, normal matrix and damped step of small networks, compiled.

   What a small network costs in Python is calls, not arithmetic. Here one call goes over all samples, or over many
   networks of one graph, the lanes. The formulas are those of marquardt.objective.forms.explicit, whose plain code stays
   the twin that tests hold this against: a row of the Jacobian is sqrt(weight) delta z, the residual is one more row,
   and the products of all pairs of rows are the normal matrix and the gradient.

   Only the buffer protocol and the stable ABI are used: one build serves every later Python, and none of NumPy's
   headers is needed. The interpreter's lock is released while anything is computed. */

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) || defined(__clang__)
#define INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif
#else
#define INLINE __inline
#define UNROLL
#endif

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAS_SHUFFLE 1
#endif
#if __has_builtin(__builtin_convertvector)
#define HAS_CONVERT 1
#endif
#endif

#define PAD 8 /* doubles that rows are padded to; the longest vector */
#define ALIGNMENT 64

#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */
#define ROUNDER_BITS INT64_C(0x4338000000000000)
#define INVERSE_LN2 1.44269504088896340736
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10

enum { IDENTITY, TANH, LOGISTIC, RELU, ELLIOT, RADIAL_BASIS, SATURATING_LINEAR, N_ACTIVATIONS };

typedef struct {
    int64_t layer, first; /* who takes this layer, and from which column on */
} Consumer;

typedef struct {
    int64_t start, size, fan_in;
    int has_bias, activation, n_sources, n_consumers;
    int64_t *sources; /* numbers of layers, -1 for the inputs */
    Consumer *consumers;
    int64_t first_row;  /* of its values */
    int64_t net_row;    /* of its nets, -1 where the slope does not need them */
    int64_t first_unit; /* of its deltas */
    int64_t first_pair; /* of its sums over pairs, -1 where its own block is summed weight by weight */
} Layer;

typedef struct Room Room;

typedef struct {
    int64_t n_inputs, n_weights, n_outputs, n_samples, n_padded, block, n_blocks;
    int64_t n_rows;   /* values, nets and residuals */
    int64_t n_active; /* weights that move one output */
    int64_t n_pair_sums;
    int64_t n_units;
    int n_layers;
    int has_matrix; /* whether it is ever asked for the normal matrix */
    Layer *layers;
    double *scales; /* square roots of the outputs' weights */
    double *data;   /* block by block: inputs, targets, root of the samples' weights; aligned */
    Room *free_rooms;
} Network;

/* The arrays of one thread. */
struct Room {
    void *memory;
    double *values, *deltas, *jacobian, *zeros, *ones, *factors, *point, *there, *work, *pair_sums, *panel;
    const double **rows, **products;
    int64_t *places, *groups;
    int holds_point; /* whether values are those of point, and of half_sums */
    double *half_sums;
    Room *next;
};

#define ROW_PAD 16 /* numbers that rows for products are padded to, in single precision, too */

static int64_t padded(int64_t n) { return (n + PAD - 1) & -(int64_t)PAD; }

static int64_t row_padded(int64_t n) { return (n + ROW_PAD - 1) & -(int64_t)ROW_PAD; }

static int64_t width_of(const Network *net, int64_t b)
{
    const int64_t rest = net->n_padded - b * net->block;
    return rest < net->block ? rest : net->block;
}

static const double *block_data(const Network *net, int64_t b)
{
    return net->data + b * net->block * (net->n_inputs + net->n_outputs + 1);
}

static double *block_values(const Network *net, Room *room, int64_t b)
{
    return room->values + b * net->block * net->n_rows;
}

/* Rows of numbers, one a sample, that are made when they are needed: each is a row of the first, alone or times a row
   of the second. */
typedef struct {
    const double *const *first, *const *second; /* the second NULL where rows stand alone */
    int64_t n_first, n_second;
    int is_within;         /* the second are the first: pairs i <= j only */
    /* A row is the sum of so many products, whose factors are so many doubles apart. */
    int64_t n_terms, first_term, second_term;
} Rows;

typedef struct {
    int64_t i, j;
} Place;

static int64_t count_rows(const Rows *rows)
{
    if (rows->second == NULL)
        return rows->n_first;
    return rows->is_within ? rows->n_first * (rows->n_first + 1) / 2 : rows->n_first * rows->n_second;
}

static Place place_after(const Rows *rows, Place place)
{
    if (rows->second == NULL || ++place.j == rows->n_second) {
        place.i++;
        place.j = rows->is_within ? place.i : 0;
    }
    return place;
}

#define SLICE 256 /* samples of which pairs are made at a time */
#define PANEL 128  /* pairs at a time: a slice of them stays in the second level of the cache */
#define PANEL_DOUBLES ((PANEL + 2 * LARGEST_TILE) * SLICE)
#define LARGEST_TILE 4

/* Write a layer's own block, lower triangle, from the sums over its pairs, those of units h <= u times those of inputs
   i <= j: a row is a pair of units, or with by_inputs of inputs. Factors of all two units come on top, unless NULL. */
static void spread(int64_t size, int64_t fan_in, const double *sums, int by_inputs, const double *factors,
                   int64_t n_weights, double *block)
{
    const int64_t unit_pairs = size * (size + 1) / 2, input_pairs = fan_in * (fan_in + 1) / 2;
    const int64_t to_next_unit = by_inputs ? 1 : input_pairs, to_next_input = by_inputs ? unit_pairs : 1;
    int64_t h, u, i, j;
    for (h = 0; h < size; h++)
        for (u = h; u < size; u++, sums += to_next_unit) {
            const double factor = factors == NULL ? 1.0 : factors[h * size + u];
            const double *sum = sums;
            double *into = block + u * fan_in * n_weights + h * fan_in;
            for (i = 0; i < fan_in; i++)
                for (j = i; j < fan_in; j++, sum += to_next_input)
                    into[i * n_weights + j] = into[j * n_weights + i] = factor * *sum;
        }
}

static INLINE int64_t bits_of(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static INLINE double real_of(int64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* ------------------------------------------------------------------ the arithmetic, for each instruction set */

#if (defined(__GNUC__) || defined(__clang__)) && (defined(__x86_64__) || defined(__i386__))
#define HAS_X86 1
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,fma")))
#define LANES 8
#define TILE 4
#include "body.h"

#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define LANES 4
#define TILE 3
#include "body.h"
#endif

#define NAME(x) x##_plain
#define TARGET
#if defined(__GNUC__) || defined(__clang__)
#define LANES 2
#define TILE 3
#else
#define LANES 1
#define TILE 2
#endif
#include "body.h"

typedef struct {
    const char *name;
    void (*activate)(int, const double *, double *, int64_t);
    void (*forward)(const Network *, const double *, Room *, double *);
    void (*slope)(const Network *, const double *, Room *, double *, double *);
    /* In double precision, and in single. */
    void (*derive[2])(const Network *, const double *, Room *, double *, double *);
    void (*add_pairs[2])(const Rows *, const Rows *, int64_t, double *, double *);
    int (*solve)(const double *, const double *, int64_t, const double *, double, double *, int64_t, double *, int64_t);
} Instructions;

static const Instructions INSTRUCTIONS[] = {
#ifdef HAS_X86
    {"avx512", activate_avx512, forward_avx512, slope_avx512, {derive_avx512, derive_single_avx512},
     {add_pairs_avx512, add_pairs_single_avx512}, solve_avx512},
    {"avx2", activate_avx2, forward_avx2, slope_avx2, {derive_avx2, derive_single_avx2},
     {add_pairs_avx2, add_pairs_single_avx2}, solve_avx2},
#endif
    {"plain", activate_plain, forward_plain, slope_plain, {derive_plain, derive_single_plain},
     {add_pairs_plain, add_pairs_single_plain}, solve_plain},
};
#define N_INSTRUCTIONS ((int)(sizeof INSTRUCTIONS / sizeof INSTRUCTIONS[0]))

static const Instructions *chosen = NULL;

static int is_supported(const char *name)
{
#ifdef HAS_X86
    __builtin_cpu_init();
    if (strcmp(name, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    if (strcmp(name, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return strcmp(name, "plain") == 0;
}

/* ------------------------------------------------------------------ memory */

/* Aligned pieces of one allocation: first counted with base NULL, then handed out. */
static void *take(char *base, size_t *offset, int64_t count, size_t size)
{
    void *piece = base == NULL ? NULL : base + *offset;
    *offset += ((size_t)count * size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    return piece;
}

static char *aligned(void *memory) { return (char *)(((uintptr_t)memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1)); }

static int64_t solve_doubles(int64_t n) { return (n + 1) * padded(n + 1); }

static size_t place_room(const Network *net, Room *room, char *base)
{
    const int64_t n_sources = net->n_inputs + net->n_units + 1;
    const int64_t n_jacobian = net->has_matrix ? net->n_active : 0;
    const int64_t n_products = (n_jacobian > net->n_units ? n_jacobian : net->n_units) + LARGEST_TILE + 1;
    const int64_t n_deltas = net->n_units * (net->has_matrix && net->n_pair_sums > 0 ? net->n_outputs : 1);
    size_t offset = 0;
    room->values = take(base, &offset, net->n_rows * net->n_padded, sizeof(double));
    room->deltas = take(base, &offset, n_deltas * net->block, sizeof(double));
    room->jacobian = take(base, &offset, n_jacobian * net->block, sizeof(double));
    room->zeros = take(base, &offset, net->block, sizeof(double));
    room->ones = take(base, &offset, net->block, sizeof(double));
    room->pair_sums = take(base, &offset, net->has_matrix ? net->n_pair_sums : 0, sizeof(double));
    room->panel = take(base, &offset, PANEL_DOUBLES, sizeof(double));
    room->factors = take(base, &offset, n_sources, sizeof(double));
    room->point = take(base, &offset, net->n_weights, sizeof(double));
    room->there = take(base, &offset, net->n_weights, sizeof(double));
    room->half_sums = take(base, &offset, net->n_outputs, sizeof(double));
    room->rows = take(base, &offset, n_sources, sizeof(double *));
    room->products = take(base, &offset, n_products, sizeof(double *));
    room->places = take(base, &offset, n_products, sizeof(int64_t));
    room->groups = take(base, &offset, n_products, sizeof(int64_t));
    room->work = take(base, &offset, net->has_matrix ? solve_doubles(net->n_weights) : 0, sizeof(double));
    return offset;
}

/* A room that nobody is in, with the interpreter's lock held; NULL without memory. */
static Room *enter_room(Network *net)
{
    Room *room = net->free_rooms;
    int64_t s;
    if (room != NULL) {
        net->free_rooms = room->next;
        return room;
    }
    room = calloc(1, sizeof(Room));
    if (room == NULL)
        return NULL;
    room->memory = malloc(place_room(net, room, NULL) + ALIGNMENT);
    if (room->memory == NULL) {
        free(room);
        return NULL;
    }
    place_room(net, room, aligned(room->memory));
    memset(room->zeros, 0, (size_t)net->block * sizeof(double));
    for (s = 0; s < net->block; s++)
        room->ones[s] = 1.0;
    return room;
}

static void leave_room(Network *net, Room *room)
{
    room->next = net->free_rooms;
    net->free_rooms = room;
}

static void free_network(Network *net)
{
    int k;
    if (net->layers != NULL)
        for (k = 0; k < net->n_layers; k++) {
            free(net->layers[k].sources);
            free(net->layers[k].consumers);
        }
    free(net->layers);
    free(net->scales);
    while (net->free_rooms != NULL) {
        Room *room = net->free_rooms;
        net->free_rooms = room->next;
        free(room->memory);
        free(room);
    }
}

/* ------------------------------------------------------------------ arguments */

static int get_array(PyObject *object, Py_buffer *view, int is_written, Py_ssize_t count, char kind, const char *what)
{
    if (PyObject_GetBuffer(object, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (is_written ? PyBUF_WRITABLE : 0)) < 0)
        return -1;
    if (view->itemsize != 8 || view->format == NULL || view->format[1] != 0 ||
        (kind == 'd' ? view->format[0] != 'd' : view->format[0] != 'l' && view->format[0] != 'q')) {
        PyErr_Format(PyExc_TypeError, "%s must be an array of %s", what, kind == 'd' ? "float64" : "int64");
        PyBuffer_Release(view);
        return -1;
    }
    if (count >= 0 && view->len / 8 != count) {
        PyErr_Format(PyExc_ValueError, "%s must have %zd numbers, got %zd", what, count, view->len / 8);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

static void release(Py_buffer *views, int n)
{
    while (n > 0)
        PyBuffer_Release(&views[--n]);
}

/* The end of a function that takes arrays, some of which may have been left out: None, or the error that is set. */
static PyObject *ended(Py_buffer *views, const int *taken, int n, int is_done)
{
    while (n-- > 0)
        if (taken[n])
            PyBuffer_Release(&views[n]);
    if (!is_done)
        return NULL;
    Py_INCREF(Py_None);
    return Py_None;
}

static PyObject *check_count(Py_ssize_t got, Py_ssize_t wanted)
{
    if (got == wanted)
        return Py_None;
    PyErr_Format(PyExc_TypeError, "takes %zd arguments, got %zd", wanted, got);
    return NULL;
}

static int check_matrix(const Network *net, int is_asked)
{
    if (is_asked && !net->has_matrix) {
        PyErr_SetString(PyExc_ValueError, "this kernel was made without the normal matrix");
        return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------ the type */

typedef struct {
    PyObject_HEAD Network net;
    void *data_memory;
} Kernel;

/* A layer's own block is summed over its pairs, those of units times those of inputs, where they are fewer than this
   part of the products of its weights: the sums of all outputs are one, but have to be spread. */
#define PAIRS_PAY 0.7

/* Read the description: n_inputs, n_layers, n_weights, then for every layer start, size, fan_in, has_bias, activation,
   n_sources and for every source its layer and first column. Nothing in it is trusted. */
static int read_layers(Network *net, const int64_t *p, Py_ssize_t count)
{
    const int64_t *end = p + count;
    int64_t weights = 0, rows = 0, units = 0;
    int k, s;
    /* Squares of the number of weights are numbers, and what is summed below is no more: see the pairs at the end. */
    if (count < 3 || p[0] < 1 || p[0] > INT32_MAX || p[1] < 1 || p[1] > count || p[2] < 1 || p[2] > INT32_MAX)
        return -1;
    net->n_inputs = *p++;
    net->n_layers = (int)*p++;
    net->n_weights = *p++;
    net->layers = calloc((size_t)net->n_layers, sizeof(Layer));
    if (net->layers == NULL)
        return -1;
    for (k = 0; k < net->n_layers; k++) {
        Layer *layer = net->layers + k;
        int64_t column = 0;
        if (end - p < 6 || p[4] < 0 || p[4] >= N_ACTIVATIONS || p[5] < 1 || p[5] > (end - p - 6) / 2)
            return -1;
        layer->start = *p++;
        layer->size = *p++;
        layer->fan_in = *p++;
        layer->has_bias = *p++ != 0;
        layer->activation = (int)*p++;
        layer->n_sources = (int)*p++;
        if (layer->start != weights || layer->size < 1 || layer->fan_in < 1 ||
            layer->fan_in > (net->n_weights - weights) / layer->size)
            return -1;
        layer->sources = calloc((size_t)layer->n_sources, sizeof(int64_t));
        if (layer->sources == NULL)
            return -1;
        for (s = 0; s < layer->n_sources; s++) {
            const int64_t source = *p++, first = *p++;
            if (source < -1 || source >= k || first != column)
                return -1;
            layer->sources[s] = source;
            column += source < 0 ? net->n_inputs : net->layers[source].size;
            if (source >= 0) {
                Layer *below = net->layers + source;
                Consumer *more = realloc(below->consumers, (size_t)(below->n_consumers + 1) * sizeof(Consumer));
                if (more == NULL)
                    return -1;
                below->consumers = more;
                below->consumers[below->n_consumers].layer = k;
                below->consumers[below->n_consumers++].first = first;
            }
        }
        if (layer->fan_in != column + layer->has_bias)
            return -1;
        weights += layer->size * layer->fan_in;
        layer->first_row = rows;
        layer->first_unit = units;
        rows += layer->size;
        units += layer->size;
        layer->net_row = -1;
        if (layer->activation == RADIAL_BASIS) {
            layer->net_row = rows;
            rows += layer->size;
        }
    }
    for (k = 0; k < net->n_layers - 1; k++)
        if (net->layers[k].n_consumers == 0)
            return -1;
    if (p != end || weights != net->n_weights)
        return -1;
    net->n_outputs = net->layers[net->n_layers - 1].size;
    net->n_rows = rows + net->n_outputs;
    net->n_units = units;
    net->n_active = weights - (net->n_outputs - 1) * net->layers[net->n_layers - 1].fan_in;
    for (k = 0; k < net->n_layers; k++) {
        Layer *layer = net->layers + k;
        const int64_t own = layer->size * layer->fan_in, unit_pairs = layer->size * (layer->size + 1) / 2;
        const int64_t pairs = unit_pairs * (layer->fan_in * (layer->fan_in + 1) / 2);
        layer->first_pair = -1;
        if (k < net->n_layers - 1 && (double)pairs < PAIRS_PAY * (double)net->n_outputs * (double)(own * (own + 1) / 2)) {
            layer->first_pair = net->n_pair_sums;
            net->n_pair_sums += pairs;
        }
    }
    return 0;
}

#define BLOCK_BYTES (448 << 10) /* what the Jacobian of a block may take: it stays in the second level of the cache */
#define SMALLEST_BLOCK 128

/* Copy a block's rows, and the last sample into what is padded, with weight 0: it overflows when that one does. */
static void copy_rows(double *to, const double *from, int64_t n_rows, int64_t n_samples, int64_t first, int64_t width)
{
    int64_t row, s;
    for (row = 0; row < n_rows; row++)
        for (s = 0; s < width; s++)
            *to++ = from[row * n_samples + (first + s < n_samples ? first + s : n_samples - 1)];
}

static PyObject *kernel_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    PyObject *objects[5];
    Py_buffer views[5];
    int has_matrix;
    Kernel *self;
    Network *net;
    Py_ssize_t rows;
    int64_t b, s, fitting;
    int n = 0, k, has_weight;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    if (keywords != NULL && PyDict_Size(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "Kernel takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OOOOOp:Kernel", &objects[0], &objects[1], &objects[2], &objects[3], &objects[4],
                          &has_matrix))
        return NULL;
    self = (Kernel *)allocate(type, 0);
    if (self == NULL)
        return NULL;
    net = &self->net;
    has_weight = objects[3] != Py_None;
    if (get_array(objects[0], &views[n], 0, -1, 'q', "the description") < 0)
        goto failed;
    n++;
    if (read_layers(net, views[0].buf, views[0].len / 8) < 0) {
        PyErr_SetString(PyExc_ValueError, "the description is that of no network");
        goto failed;
    }
    if (get_array(objects[1], &views[n], 0, -1, 'd', "inputs") < 0)
        goto failed;
    n++;
    net->n_samples = views[1].len / 8 / net->n_inputs;
    if (net->n_samples < 1 || net->n_samples * net->n_inputs != views[1].len / 8) {
        PyErr_SetString(PyExc_ValueError, "inputs must be of shape (n_inputs, n_samples)");
        goto failed;
    }
    if (net->n_rows + net->n_units + net->n_inputs + 1 > PY_SSIZE_T_MAX / 64 / (net->n_samples + PAD)) {
        PyErr_SetString(PyExc_ValueError, "there are too many samples for a network of that size");
        goto failed;
    }
    if (get_array(objects[2], &views[n], 0, net->n_outputs * net->n_samples, 'd', "targets") < 0)
        goto failed;
    n++;
    if (get_array(objects[4], &views[n], 0, net->n_outputs, 'd', "scales") < 0)
        goto failed;
    n++;
    if (has_weight) {
        if (get_array(objects[3], &views[n], 0, net->n_samples, 'd', "roots") < 0)
            goto failed;
        n++;
    }
    net->n_padded = padded(net->n_samples);
    net->has_matrix = has_matrix;
    fitting = BLOCK_BYTES / (8 * ((has_matrix ? net->n_active : net->n_rows + net->n_units) + 1)) & -(int64_t)PAD;
    net->block = fitting < SMALLEST_BLOCK ? SMALLEST_BLOCK : fitting;
    net->n_blocks = (net->n_padded + net->block - 1) / net->block;
    /* Blocks of even length. */
    net->block = padded((net->n_padded + net->n_blocks - 1) / net->n_blocks);
    net->n_blocks = (net->n_padded + net->block - 1) / net->block;
    rows = net->n_inputs + net->n_outputs + 1;
    net->scales = malloc((size_t)net->n_outputs * sizeof(double));
    self->data_memory = malloc((size_t)(rows * net->n_padded) * sizeof(double) + ALIGNMENT);
    if (net->scales == NULL || self->data_memory == NULL) {
        PyErr_NoMemory();
        goto failed;
    }
    net->data = (double *)aligned(self->data_memory);
    for (k = 0; k < net->n_outputs; k++)
        net->scales[k] = ((const double *)views[3].buf)[k];
    for (b = 0; b < net->n_blocks; b++) {
        const int64_t width = width_of(net, b), first = b * net->block;
        double *to = net->data + first * rows;
        copy_rows(to, views[1].buf, net->n_inputs, net->n_samples, first, width);
        copy_rows(to + net->n_inputs * width, views[2].buf, net->n_outputs, net->n_samples, first, width);
        to += (rows - 1) * width;
        for (s = 0; s < width; s++)
            to[s] = first + s >= net->n_samples ? 0.0 : has_weight ? ((const double *)views[4].buf)[first + s] : 1.0;
    }
    release(views, n);
    return (PyObject *)self;
failed:
    release(views, n);
    Py_DECREF(self);
    return NULL;
}

static void kernel_dealloc(PyObject *object)
{
    Kernel *self = (Kernel *)object;
    PyTypeObject *type = Py_TYPE(object);
    freefunc release_object = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_network(&self->net);
    free(self->data_memory);
    release_object(object);
    Py_DECREF(type);
}

/* Matrices too small for pairs gain nothing. */
static int may_be_single(const Network *net, int is_single) { return is_single && net->n_pair_sums > 0; }

static double total_of(const double *sums, int64_t n)
{
    double total = 0.0;
    int64_t m;
    for (m = 0; m < n; m++)
        total += sums[m];
    return total;
}

/* Forward, and to the gradient if it is asked for, unless the last pass was at the same point. */
static void go_to(const Network *net, Room *room, const double *weights, double *gradient)
{
    const size_t size = (size_t)net->n_weights * sizeof(double);
    const int is_there = room->holds_point && memcmp(room->point, weights, size) == 0;
    if (!is_there)
        memcpy(room->point, weights, size);
    room->holds_point = 1;
    if (gradient != NULL)
        chosen->slope(net, weights, room, is_there ? NULL : room->half_sums, gradient);
    else if (!is_there)
        chosen->forward(net, weights, room, room->half_sums);
}

/* at(weights, sums[, gradient[, normal, is_single]]) -> sum of the sums */
static PyObject *kernel_at(PyObject *object, PyObject *const *args, Py_ssize_t n_args)
{
    Network *net = &((Kernel *)object)->net;
    const Py_ssize_t w = net->n_weights;
    const Py_ssize_t counts[4] = {w, net->n_outputs, w, w * w};
    static const char *const names[4] = {"weights", "sums", "gradient", "normal"};
    Py_buffer views[4];
    Room *room;
    double total;
    int n, is_single = 0;
    if (check_count(n_args, n_args == 2 || n_args == 3 ? n_args : 5) == NULL || check_matrix(net, n_args == 5) < 0)
        return NULL;
    if (n_args == 5) {
        is_single = PyObject_IsTrue(args[--n_args]);
        if (is_single < 0)
            return NULL;
    }
    for (n = 0; n < n_args; n++)
        if (get_array(args[n], &views[n], n > 0, counts[n], 'd', names[n]) < 0) {
            release(views, n);
            return NULL;
        }
    room = enter_room(net);
    if (room == NULL) {
        release(views, n);
        return PyErr_NoMemory();
    }
    Py_BEGIN_ALLOW_THREADS
    go_to(net, room, views[0].buf, n == 3 ? views[2].buf : NULL);
    memcpy(views[1].buf, room->half_sums, (size_t)net->n_outputs * sizeof(double));
    if (n == 4)
        chosen->derive[may_be_single(net, is_single)](net, views[0].buf, room, views[2].buf, views[3].buf);
    total = total_of(room->half_sums, net->n_outputs);
    Py_END_ALLOW_THREADS
    leave_room(net, room);
    release(views, n);
    return PyFloat_FromDouble(total);
}

/* The loss of a lane with its penalty; inf where anything overflows. */
static double loss_of(const Network *net, const double *weights, const double *sums, const double *decay)
{
    double loss = total_of(sums, net->n_outputs), penalty = 0.0;
    int64_t i;
    if (decay != NULL) {
        for (i = 0; i < net->n_weights; i++)
            penalty += decay[i] * weights[i] * weights[i];
        loss += 0.5 * penalty;
    }
    return isfinite(loss) ? loss : HUGE_VAL;
}

static void derive_with_decay(const Network *net, const double *weights, Room *room, const double *decay,
                              int is_single, double *gradient, double *normal)
{
    int64_t i;
    chosen->derive[may_be_single(net, is_single)](net, weights, room, gradient, normal);
    if (decay == NULL)
        return;
    for (i = 0; i < net->n_weights; i++) {
        gradient[i] += decay[i] * weights[i];
        normal[i * (net->n_weights + 1)] += decay[i];
    }
}

/* lanes(weights, bar, decay or None, sums, losses, gradient, normal): what BatchedObjective.equations does. */
static PyObject *kernel_lanes(PyObject *object, PyObject *const *args, Py_ssize_t n_args)
{
    Network *net = &((Kernel *)object)->net;
    const int64_t w = net->n_weights;
    static const char *const names[7] = {"weights", "bar", "decay", "sums", "losses", "gradient", "normal"};
    Py_buffer views[7];
    int taken[7] = {0};
    Py_ssize_t lanes = 0;
    Room *room = NULL;
    int n, is_done = 0;
    if (check_count(n_args, 7) == NULL || check_matrix(net, 1) < 0)
        return NULL;
    for (n = 0; n < 7; n++) {
        const Py_ssize_t counts[7] = {-1, lanes, w, lanes * net->n_outputs, lanes, -1, -1};
        if (n == 2 && args[n] == Py_None)
            continue;
        if (get_array(args[n], &views[n], n >= 3, counts[n], 'd', names[n]) < 0)
            goto finished;
        taken[n] = 1;
        if (n == 0)
            lanes = views[0].len / 8 / w;
    }
    /* Without derivatives the last two may be empty. */
    if ((views[5].len && views[5].len / 8 != lanes * w) || (views[6].len && views[6].len / 8 != lanes * w * w) ||
        lanes * w != views[0].len / 8) {
        PyErr_SetString(PyExc_ValueError, "weights, gradient and normal must have a place for every lane");
        goto finished;
    }
    room = enter_room(net);
    if (room == NULL) {
        PyErr_NoMemory();
        goto finished;
    }
    Py_BEGIN_ALLOW_THREADS
    {
        const double *weights = views[0].buf, *bar = views[1].buf, *decay = taken[2] ? views[2].buf : NULL;
        double *sums = views[3].buf, *losses = views[4].buf, *gradient = views[5].buf, *normal = views[6].buf;
        const int derives = views[5].len && views[6].len;
        Py_ssize_t l;
        room->holds_point = 0;
        for (l = 0; l < lanes; l++) {
            chosen->forward(net, weights + l * w, room, sums + l * net->n_outputs);
            losses[l] = loss_of(net, weights + l * w, sums + l * net->n_outputs, decay);
            if (derives && losses[l] < bar[l])
                derive_with_decay(net, weights + l * w, room, decay, 0, gradient + l * w, normal + l * w * w);
        }
    }
    Py_END_ALLOW_THREADS
    is_done = 1;
finished:
    if (room != NULL)
        leave_room(net, room);
    return ended(views, taken, 7, is_done);
}

/* How an accepted step moves mu: the codes of the classes in marquardt/algorithms/damping.py. */
enum { FACTORS, GAIN_RATIO, FAN, N_DAMPINGS };

/* What mu is multiplied with after a step that took the loss from `before` to `after`. */
static double moved(int damping, double before, double after, double predicted, double increase, double decrease)
{
    const double ratio = predicted > 0.0 ? (before - after) / predicted : 1.0;
    const double factor = ratio > 0.75 ? decrease : ratio < 0.25 ? increase : 1.0;
    if (damping == FACTORS)
        return decrease;
    return damping == GAIN_RATIO || after < 0.0 ? factor : sqrt(after / before) * factor;
}

/* The largest of the diagonal, where the largest entry of a matrix of products is. */
static double largest_entry(const double *normal, int64_t n)
{
    double largest = 0.0;
    int64_t i;
    for (i = 0; i < n; i++)
        largest = normal[i * (n + 1)] > largest ? normal[i * (n + 1)] : largest;
    return largest;
}

/* Trials of one network until one is accepted, mu is above its largest value, or there have been `most`. */
static void descend(const Network *net, Room *room, const double *decay, const double *settings, int64_t most,
                    double *weights, double *loss, double *sums, double *gradient, double *normal, double *mu,
                    int64_t *counts)
{
    const double increase = settings[0], decrease = settings[1], lowest = settings[2], largest = settings[3];
    const double single = settings[5];
    const int damping = (int)settings[4];
    const int64_t w = net->n_weights;
    int64_t i;
    counts[0] = counts[1] = counts[2] = 0;
    while (counts[0] < most) {
        counts[0]++;
        if (chosen->solve(normal, mu, 0, gradient, -1.0, room->there, w, room->work, padded(w + 1))) {
            double there, twice_predicted = 0.0;
            counts[1]++;
            for (i = 0; i < w; i++) {
                twice_predicted += room->there[i] * (*mu * room->there[i] - gradient[i]);
                room->there[i] += weights[i];
            }
            chosen->forward(net, room->there, room, room->half_sums);
            there = loss_of(net, room->there, room->half_sums, decay);
            if (there < *loss) {
                const double factor = moved(damping, *loss, there, 0.5 * twice_predicted, increase, decrease);
                *loss = there;
                memcpy(weights, room->there, (size_t)w * sizeof(double));
                memcpy(sums, room->half_sums, (size_t)net->n_outputs * sizeof(double));
                *mu = *mu * factor > lowest ? *mu * factor : lowest;
                derive_with_decay(net, weights, room, decay, *mu >= single * largest_entry(normal, w), gradient, normal);
                counts[2] = 1;
                return;
            }
        }
        *mu *= increase;
        if (*mu > largest)
            return;
    }
}

/* descend(decay or None, settings, most, weights, losses, sums, gradient, normal, mu, counts): trials of every lane.
   settings are increase, decrease, lowest and largest of mu, the damping, and the part of the matrix's largest entry from
   which mu covers what single precision loses; counts are trials, values and acceptances of each lane. The arrays from weights on are changed in place. */
static PyObject *kernel_descend(PyObject *object, PyObject *const *args, Py_ssize_t n_args)
{
    enum { DECAY, SETTINGS, MOST, WEIGHTS, LOSSES, SUMS, GRADIENT, NORMAL, MU, COUNTS, N_ARGS };
    static const char *const names[N_ARGS] = {"decay", "settings", "most",   "weights", "losses",
                                              "sums",  "gradient", "normal", "mu",      "counts"};
    Network *net = &((Kernel *)object)->net;
    const Py_ssize_t w = net->n_weights;
    Py_buffer views[N_ARGS];
    int taken[N_ARGS] = {0}, n, is_done = 0;
    Py_ssize_t lanes = 0;
    long long most;
    Room *room = NULL;
    if (check_count(n_args, N_ARGS) == NULL || check_matrix(net, 1) < 0)
        return NULL;
    most = PyLong_AsLongLong(args[MOST]);
    if (most == -1 && PyErr_Occurred())
        return NULL;
    for (n = 0; n < N_ARGS; n++) {
        const Py_ssize_t counts[N_ARGS] = {w,         6, 0, -1, lanes, lanes * net->n_outputs,
                                           lanes * w, lanes * w * w, lanes, 3 * lanes};
        if (n == MOST || (n == DECAY && args[n] == Py_None))
            continue;
        if (get_array(args[n], &views[n], n >= WEIGHTS, counts[n], n == COUNTS ? 'q' : 'd', names[n]) < 0)
            goto finished;
        taken[n] = 1;
        if (n == WEIGHTS) {
            lanes = views[n].len / 8 / w;
            if (lanes * w != views[n].len / 8) {
                PyErr_SetString(PyExc_ValueError, "weights must have a row for every lane");
                goto finished;
            }
        }
    }
    if (!(((const double *)views[SETTINGS].buf)[4] >= 0.0 && ((const double *)views[SETTINGS].buf)[4] < N_DAMPINGS)) {
        PyErr_SetString(PyExc_ValueError, "settings name no damping");
        goto finished;
    }
    room = enter_room(net);
    if (room == NULL) {
        PyErr_NoMemory();
        goto finished;
    }
    Py_BEGIN_ALLOW_THREADS
    {
        double *weights = views[WEIGHTS].buf, *losses = views[LOSSES].buf, *sums = views[SUMS].buf;
        double *gradient = views[GRADIENT].buf, *normal = views[NORMAL].buf, *mu = views[MU].buf;
        int64_t *counts = views[COUNTS].buf;
        Py_ssize_t l;
        room->holds_point = 0;
        for (l = 0; l < lanes; l++)
            descend(net, room, taken[DECAY] ? views[DECAY].buf : NULL, views[SETTINGS].buf, most, weights + l * w,
                    losses + l, sums + l * net->n_outputs, gradient + l * w, normal + l * w * w, mu + l,
                    counts + 3 * l);
    }
    Py_END_ALLOW_THREADS
    is_done = 1;
finished:
    if (room != NULL)
        leave_room(net, room);
    return ended(views, taken, N_ARGS, is_done);
}

static PyMethodDef KERNEL_METHODS[] = {
    {"at", (PyCFunction)(void (*)(void))kernel_at, METH_FASTCALL, "at(weights, sums[, gradient[, normal, is_single]])"},
    {"lanes", (PyCFunction)(void (*)(void))kernel_lanes, METH_FASTCALL,
     "lanes(weights, bar, decay, sums, losses, gradient, normal)"},
    {"descend", (PyCFunction)(void (*)(void))kernel_descend, METH_FASTCALL,
     "descend(decay, settings, most, weights, losses, sums, gradient, normal, mu, counts)"},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot KERNEL_SLOTS[] = {
    {Py_tp_new, (void *)kernel_new},
    {Py_tp_dealloc, (void *)kernel_dealloc},
    {Py_tp_methods, KERNEL_METHODS},
    {Py_tp_doc, "Kernel(description, inputs, targets, roots, scales, has_matrix): a network on its data."},
    {0, NULL},
};

static PyType_Spec KERNEL_SPEC = {"marquardt.numerics._kernel.Kernel", sizeof(Kernel), 0, Py_TPFLAGS_DEFAULT,
                                  KERNEL_SLOTS};

/* ------------------------------------------------------------------ functions of the module */

/* solve_each(normal, added, right, sign, solution): (A + M) x = sign b for every lane; NaN where there is none. */
static PyObject *solve_each(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    static const char *const names[5] = {"normal", "added", "right", "", "solution"};
    Py_buffer views[5];
    int taken[5] = {0}, n;
    PyObject *result = NULL;
    Py_ssize_t lanes, w = 0, solved = 0;
    void *memory = NULL;
    double sign;
    (void)module;
    if (check_count(n_args, 5) == NULL)
        return NULL;
    sign = PyFloat_AsDouble(args[3]);
    if (sign == -1.0 && PyErr_Occurred())
        return NULL;
    for (n = 0; n < 5; n++) {
        if (n == 3)
            continue;
        if (get_array(args[n], &views[n], n == 4, n == 4 ? views[2].len / 8 : -1, 'd', names[n]) < 0)
            goto finished;
        taken[n] = 1;
    }
    if (views[2].len > 0)
        w = views[0].len / views[2].len;
    if (w < 1 || (views[2].len / 8) % w != 0 || w * views[2].len != views[0].len) {
        PyErr_SetString(PyExc_ValueError, "normal must have a square matrix for every row of right");
        goto finished;
    }
    lanes = views[2].len / 8 / w;
    if (views[1].len / 8 != lanes && views[1].len / 8 != lanes * w) {
        PyErr_SetString(PyExc_ValueError, "added must have one number a lane, or one an unknown");
        goto finished;
    }
    memory = malloc((size_t)solve_doubles(w) * sizeof(double) + ALIGNMENT);
    if (memory == NULL) {
        PyErr_NoMemory();
        goto finished;
    }
    Py_BEGIN_ALLOW_THREADS
    {
        const int is_vector = w > 1 && views[1].len / 8 == lanes * w;
        const double *normal = views[0].buf, *added = views[1].buf, *right = views[2].buf;
        double *solution = views[4].buf, *work = (double *)aligned(memory);
        Py_ssize_t l, i;
        for (l = 0; l < lanes; l++) {
            const int is_solved =
                chosen->solve(normal + l * w * w, added + l * (is_vector ? w : 1), is_vector, right + l * w, sign,
                              solution + l * w, w, work, padded(w + 1));
            solved += is_solved;
            if (!is_solved)
                for (i = 0; i < w; i++)
                    solution[l * w + i] = NAN;
        }
    }
    Py_END_ALLOW_THREADS
    result = PyLong_FromSsize_t(solved);
finished:
    free(memory);
    for (n = 0; n < 5; n++)
        if (taken[n])
            PyBuffer_Release(&views[n]);
    return result;
}

typedef struct Panel Panel;

struct Panel {
    Panel *next;
    void *memory;
};

static Panel *free_panels = NULL; /* those that no call is using; the interpreter's lock guards them */

/* Memory for slices and for so many pointers. */
static Panel *enter_panel(void)
{
    Panel *panel = free_panels;
    if (panel != NULL) {
        free_panels = panel->next;
        return panel;
    }
    panel = malloc(sizeof(Panel));
    if (panel == NULL)
        return NULL;
    panel->memory = malloc(PANEL_DOUBLES * sizeof(double) + ALIGNMENT);
    if (panel->memory == NULL) {
        free(panel);
        return NULL;
    }
    return panel;
}

static int get_rows(PyObject *object, Py_buffer *view, const char *what)
{
    if (PyObject_GetBuffer(object, view, PyBUF_STRIDES | PyBUF_FORMAT) < 0)
        return -1;
    if ((view->ndim != 2 && view->ndim != 3) || view->itemsize != 8 || view->format == NULL ||
        strcmp(view->format, "d") != 0 || view->strides[view->ndim - 1] != 8 || view->strides[view->ndim - 2] % 8 != 0 ||
        view->strides[0] % 8 != 0) {
        PyErr_Format(PyExc_TypeError, "%s must have two or three axes of float64, and contiguous rows", what);
        PyBuffer_Release(view);
        return -1;
    }
    return 0;
}

/* Terms, rows and samples. */
static int64_t n_terms_of(const Py_buffer *view) { return view->ndim == 3 ? view->shape[0] : 1; }
static int64_t n_rows_of(const Py_buffer *view) { return view->shape[view->ndim - 2]; }
static int64_t n_samples_of(const Py_buffer *view) { return view->shape[view->ndim - 1]; }

#define UNLOCKED 1000000 /* products from which the interpreter's lock is let go */

/* add_pairs(matrix, left, left_with, right, right_with, is_single): add the sums over samples of left times right rows. Left and
   right are rows alone, with None; rows times other rows; or pairs of the same rows, with True. */
static PyObject *add_pairs(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    static const char *const names[5] = {"matrix", "left", "left_with", "right", "right_with"};
    Py_buffer views[5];
    int taken[5] = {0}, n, is_done = 0, is_single;
    Rows sides[2];
    const double **pointers = NULL;
    Panel *panel = NULL;
    int64_t n_pointers = 0, n_samples, i;
    (void)module;
    if (check_count(n_args, 6) == NULL)
        return NULL;
    is_single = PyObject_IsTrue(args[5]);
    if (is_single < 0)
        return NULL;
    for (n = 1; n < 5; n++) {
        if (n % 2 == 0 && (args[n] == Py_None || args[n] == Py_True))
            continue;
        if (get_rows(args[n], &views[n], names[n]) < 0)
            goto finished;
        taken[n] = 1;
        if (n_samples_of(&views[n]) != n_samples_of(&views[1])) {
            PyErr_Format(PyExc_ValueError, "%s must have as many samples as left", names[n]);
            goto finished;
        }
        if (n_terms_of(&views[n]) < 1 || (n % 2 == 0 && n_terms_of(&views[n]) != n_terms_of(&views[n - 1])) ||
            (n % 2 == 1 && args[n + 1] == Py_None && views[n].ndim != 2)) {
            PyErr_Format(PyExc_ValueError, "%s must have the terms of what it is multiplied with", names[n]);
            goto finished;
        }
        n_pointers += n_rows_of(&views[n]);
    }
    n_samples = n_samples_of(&views[1]);
    pointers = malloc((size_t)(n_pointers + 1) * sizeof(double *));
    panel = enter_panel();
    if (pointers == NULL || panel == NULL) {
        PyErr_NoMemory();
        goto finished;
    }
    n_pointers = 0;
    for (n = 1; n < 5; n++) {
        Rows *side = &sides[(n - 1) / 2];
        if (n % 2 == 1) {
            memset(side, 0, sizeof *side);
            side->first = pointers + n_pointers;
            side->n_first = n_rows_of(&views[n]);
            side->n_terms = n_terms_of(&views[n]);
            side->first_term = views[n].strides[0] / 8;
        } else if (taken[n]) {
            side->second = pointers + n_pointers;
            side->n_second = n_rows_of(&views[n]);
            side->second_term = views[n].strides[0] / 8;
        } else if (args[n] == Py_True) {
            side->second = side->first;
            side->n_second = side->n_first;
            side->second_term = side->first_term;
            side->is_within = 1;
        }
        for (i = 0; taken[n] && i < n_rows_of(&views[n]); i++)
            pointers[n_pointers++] =
                (const double *)((const char *)views[n].buf + i * views[n].strides[views[n].ndim - 2]);
    }
    if (get_array(args[0], &views[0], 1, count_rows(&sides[0]) * count_rows(&sides[1]), 'd', names[0]) < 0)
        goto finished;
    taken[0] = 1;
    if ((double)(views[0].len / 8) * (double)n_samples < UNLOCKED)
        chosen->add_pairs[is_single](&sides[0], &sides[1], n_samples, views[0].buf, (double *)aligned(panel->memory));
    else {
        Py_BEGIN_ALLOW_THREADS
        chosen->add_pairs[is_single](&sides[0], &sides[1], n_samples, views[0].buf, (double *)aligned(panel->memory));
        Py_END_ALLOW_THREADS
    }
    is_done = 1;
finished:
    free(pointers);
    if (panel != NULL) {
        panel->next = free_panels;
        free_panels = panel;
    }
    return ended(views, taken, 5, is_done);
}

/* spread_pairs(normal, start, size, fan_in, sums, factors): write the block of a layer's own weights, which begin at
   `start`, from the sums over its pairs: rows are those of inputs i <= j, columns those of units h <= u. Factors of all
   two units, or None, come on top. */
static PyObject *spread_pairs(PyObject *module, PyObject *const *args, Py_ssize_t n_args)
{
    enum { NORMAL, START, SIZE, FAN_IN, SUMS, FACTORS, N_ARGS };
    static const char *const names[N_ARGS] = {"normal", "start", "size", "fan_in", "sums", "factors"};
    Py_buffer views[N_ARGS];
    int taken[N_ARGS] = {0}, n, is_done = 0;
    Py_ssize_t numbers[N_ARGS] = {0}, n_weights = 0;
    (void)module;
    if (check_count(n_args, N_ARGS) == NULL)
        return NULL;
    for (n = START; n <= FAN_IN; n++) {
        numbers[n] = PyLong_AsSsize_t(args[n]);
        if (numbers[n] == -1 && PyErr_Occurred())
            return NULL;
    }
    if (get_array(args[NORMAL], &views[NORMAL], 1, -1, 'd', names[NORMAL]) < 0)
        goto finished;
    taken[NORMAL] = 1;
    n_weights = (Py_ssize_t)(sqrt((double)(views[NORMAL].len / 8)) + 0.5);
    /* Before anything is multiplied: the sizes may be any numbers. */
    if (numbers[START] < 0 || numbers[SIZE] < 1 || numbers[FAN_IN] < 1 || n_weights * n_weights != views[NORMAL].len / 8 ||
        numbers[FAN_IN] > n_weights / numbers[SIZE] ||
        numbers[START] > n_weights - numbers[SIZE] * numbers[FAN_IN]) {
        PyErr_SetString(PyExc_ValueError, "normal must be square and have a place for the layer's weights");
        goto finished;
    }
    for (n = SUMS; n < N_ARGS; n++) {
        const Py_ssize_t size = numbers[SIZE], fan_in = numbers[FAN_IN];
        const Py_ssize_t count = n == FACTORS ? size * size : size * (size + 1) / 2 * (fan_in * (fan_in + 1) / 2);
        if (n == FACTORS && args[n] == Py_None)
            continue;
        if (get_array(args[n], &views[n], 0, count, 'd', names[n]) < 0)
            goto finished;
        taken[n] = 1;
    }
    Py_BEGIN_ALLOW_THREADS
    {
        const Py_ssize_t size = numbers[SIZE], fan_in = numbers[FAN_IN];
        double *block = (double *)views[NORMAL].buf + numbers[START] * (n_weights + 1);
        Py_ssize_t i, j;
        spread(size, fan_in, views[SUMS].buf, 1, taken[FACTORS] ? views[FACTORS].buf : NULL, n_weights, block);
        for (i = 1; i < size * fan_in; i++)
            for (j = 0; j < i - i % fan_in; j++)
                block[j * n_weights + i] = block[i * n_weights + j];
    }
    Py_END_ALLOW_THREADS
    is_done = 1;
finished:
    return ended(views, taken, N_ARGS, is_done);
}

/* activate(number, nets, values): for tests. */
static PyObject *activate(PyObject *module, PyObject *args)
{
    PyObject *nets, *values;
    Py_buffer from, to;
    int number;
    Py_ssize_t i, k;
    (void)module;
    if (!PyArg_ParseTuple(args, "iOO:activate", &number, &nets, &values))
        return NULL;
    if (get_array(nets, &from, 0, -1, 'd', "nets") < 0)
        return NULL;
    if (get_array(values, &to, 1, from.len / 8, 'd', "values") < 0) {
        PyBuffer_Release(&from);
        return NULL;
    }
    for (i = 0; i < from.len / 8; i += PAD) {
        double some[2 * PAD + PAD];
        double *x = (double *)aligned(some);
        for (k = 0; k < PAD; k++)
            x[k] = i + k < from.len / 8 ? ((const double *)from.buf)[i + k] : 0.0;
        chosen->activate(number, x, x, PAD);
        for (k = 0; k < PAD && i + k < from.len / 8; k++)
            ((double *)to.buf)[i + k] = x[k];
    }
    PyBuffer_Release(&to);
    PyBuffer_Release(&from);
    Py_INCREF(Py_None);
    return Py_None;
}

/* instructions() -> the names that this machine has, the one in use first. */
static PyObject *instructions(PyObject *module, PyObject *nothing)
{
    PyObject *names = PyList_New(0);
    int k, turn;
    (void)module;
    (void)nothing;
    if (names == NULL)
        return NULL;
    for (turn = 0; turn < 2; turn++)
        for (k = 0; k < N_INSTRUCTIONS; k++) {
            PyObject *name;
            if ((&INSTRUCTIONS[k] == chosen) != (turn == 0) || !is_supported(INSTRUCTIONS[k].name))
                continue;
            name = PyUnicode_FromString(INSTRUCTIONS[k].name);
            if (name == NULL || PyList_Append(names, name) < 0) {
                Py_XDECREF(name);
                Py_DECREF(names);
                return NULL;
            }
            Py_DECREF(name);
        }
    return names;
}

/* use(name): take other instructions from now on; for tests. */
static PyObject *use(PyObject *module, PyObject *args)
{
    const char *name;
    int k;
    (void)module;
    if (!PyArg_ParseTuple(args, "s:use", &name))
        return NULL;
    for (k = 0; k < N_INSTRUCTIONS; k++)
        if (strcmp(name, INSTRUCTIONS[k].name) == 0 && is_supported(name)) {
            chosen = &INSTRUCTIONS[k];
            Py_INCREF(Py_None);
            return Py_None;
        }
    PyErr_Format(PyExc_ValueError, "this machine has no instructions called %s", name);
    return NULL;
}

static PyMethodDef METHODS[] = {
    {"solve_each", (PyCFunction)(void (*)(void))solve_each, METH_FASTCALL,
     "solve_each(normal, added, right, sign, solution) -> number of lanes solved"},
    {"add_pairs", (PyCFunction)(void (*)(void))add_pairs, METH_FASTCALL,
     "add_pairs(matrix, left, left_with, right, right_with, is_single)"},
    {"spread_pairs", (PyCFunction)(void (*)(void))spread_pairs, METH_FASTCALL,
     "spread_pairs(normal, start, size, fan_in, sums, factors)"},
    {"activate", activate, METH_VARARGS, "activate(number, nets, values)"},
    {"instructions", instructions, METH_NOARGS, "instructions() -> names, the one in use first"},
    {"use", use, METH_VARARGS, "use(name)"},
    {NULL, NULL, 0, NULL},
};

/* Changes with what functions take, and with it in numerics/native.py: an older build is not called in a new way. */
#define INTERFACE 4

static int execute(PyObject *module)
{
    PyObject *type;
    int k, result;
    for (k = 0; k < N_INSTRUCTIONS && chosen == NULL; k++)
        if (is_supported(INSTRUCTIONS[k].name))
            chosen = &INSTRUCTIONS[k];
    type = PyType_FromSpec(&KERNEL_SPEC);
    if (type == NULL)
        return -1;
    result = PyModule_AddObjectRef(module, "Kernel", type);
    Py_DECREF(type);
    return result < 0 ? result : PyModule_AddIntConstant(module, "INTERFACE", INTERFACE);
}

static PyModuleDef_Slot SLOTS[] = {{Py_mod_exec, (void *)execute}, {0, NULL}};

static PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT, "_kernel", "Small networks, compiled.", 0, METHODS, SLOTS, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModuleDef_Init(&MODULE); }
