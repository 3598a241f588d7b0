/* The arithmetic of the kernel, for one instruction set. kernel.c includes this file once for each, with

     NAME(x)   x with a suffix of its own          TARGET   the attribute that chooses the instructions
     LANES     doubles in a vector                 TILE     rows and columns of a tile of the normal matrix

   A vector is GCC's and Clang's extension; where a compiler has none, LANES is 1 and a vector is a double: the same
   lines serve. All rows of samples are padded to a multiple of PAD and aligned, so that no loop has a rest. */

#if LANES > 1
typedef double NAME(vec) __attribute__((vector_size(8 * LANES), may_alias));
typedef double NAME(loose) __attribute__((vector_size(8 * LANES), may_alias, aligned(8)));
typedef int64_t NAME(whole) __attribute__((vector_size(8 * LANES), may_alias));
#define AS_WHOLE(x) ((whole)(x))
#define AS_REAL(x) ((vec)(x))
#define SPREAD(x) ((vec){0} + (x))
#define IS_BELOW(a, b) ((whole)((a) < (b)))
#define IS_EQUAL(a, b) ((whole)((a) == (b)))
#else
typedef double NAME(vec);
typedef double NAME(loose);
typedef int64_t NAME(whole);
#define AS_WHOLE(x) bits_of(x)
#define AS_REAL(x) real_of(x)
#define SPREAD(x) (x)
#define IS_BELOW(a, b) (-(int64_t)((a) < (b)))
#define IS_EQUAL(a, b) (-(int64_t)((a) == (b)))
#endif
#define vec NAME(vec)
#define whole NAME(whole)
#define CHOOSE(mask, a, b) AS_REAL(((mask) & AS_WHOLE(a)) | (~(mask) & AS_WHOLE(b)))
#define MAGNITUDE(x) AS_REAL(AS_WHOLE(x) & INT64_C(0x7fffffffffffffff))
#define LOAD(p) (*(const vec *)(p))
#define LOAD_LOOSE(p) ((vec)(*(const NAME(loose) *)(p)))
#define STORE(p, x) (*(vec *)(p) = (x))

/* ------------------------------------------------------------------ functions of vectors */

/* e^r - 1 for |r| <= ln 2 / 2: Taylor's series to r^13, whose next term is below 2e-17 r. */
static INLINE TARGET vec NAME(expm1_near)(vec r)
{
    const vec r2 = r * r, r4 = r2 * r2;
    const vec a = (r * (1.0 / 6.0) + 0.5) + (r * (1.0 / 120.0) + 1.0 / 24.0) * r2;
    const vec b = (r * (1.0 / 5040.0) + 1.0 / 720.0) + (r * (1.0 / 362880.0) + 1.0 / 40320.0) * r2;
    const vec c = (r * (1.0 / 39916800.0) + 1.0 / 3628800.0) + (r * (1.0 / 6227020800.0) + 1.0 / 479001600.0) * r2;
    return r + r2 * (a + r4 * (b + r4 * c));
}

/* The whole number nearest to x, |x| < 2^50, as a double. The sum's last bits are that number. */
static INLINE TARGET vec NAME(nearest)(vec x)
{
    return (x + ROUNDER) - ROUNDER;
}

/* 2^k for a whole number k from -1022 to 1023. */
static INLINE TARGET vec NAME(power_of_two)(vec k)
{
    return AS_REAL((AS_WHOLE(k + ROUNDER) - ROUNDER_BITS + 1023) << 52);
}

/* tanh |x| = E / (E + 2) with E = e^(2|x|) - 1 = 2^k (e^r - 1) + (2^k - 1); above 20 it is 1 to the last bit. */
static INLINE TARGET vec NAME(tanh_of)(vec x)
{
    vec y = 2.0 * MAGNITUDE(x);
    y = CHOOSE(IS_BELOW(y, SPREAD(40.0)), y, SPREAD(40.0));
    const vec k = NAME(nearest)(y * INVERSE_LN2);
    const vec r = (y - k * LN2_HIGH) - k * LN2_LOW;
    const vec power = NAME(power_of_two)(k);
    const vec e = power * NAME(expm1_near)(r) + (power - 1.0);
    const vec t = e / (e + 2.0);
    const vec signed_t = AS_REAL(AS_WHOLE(t) | (AS_WHOLE(x) & INT64_MIN));
    return CHOOSE(IS_EQUAL(x, x), signed_t, x);
}

/* e^x for x <= 0, gradually down to 0: 2^k in two factors, as the result may be subnormal. */
static INLINE TARGET vec NAME(exp_of_negative)(vec x)
{
    const vec y = CHOOSE(IS_BELOW(SPREAD(-750.0), x), x, SPREAD(-750.0));
    const vec k = NAME(nearest)(y * INVERSE_LN2);
    const vec r = (y - k * LN2_HIGH) - k * LN2_LOW;
    const vec half = NAME(nearest)(0.5 * k);
    const vec e = (1.0 + NAME(expm1_near)(r)) * NAME(power_of_two)(half) * NAME(power_of_two)(k - half);
    return CHOOSE(IS_EQUAL(x, x), e, x);
}

/* Values over nets. */
static TARGET void NAME(activate)(int activation, const double *net, double *value, int64_t count)
{
    const vec one = SPREAD(1.0), zero = SPREAD(0.0);
    int64_t i;
    switch (activation) {
    case TANH:
        for (i = 0; i < count; i += LANES)
            STORE(value + i, NAME(tanh_of)(LOAD(net + i)));
        break;
    case LOGISTIC:
        for (i = 0; i < count; i += LANES)
            STORE(value + i, 0.5 * NAME(tanh_of)(0.5 * LOAD(net + i)) + 0.5);
        break;
    case RELU:
        for (i = 0; i < count; i += LANES) {
            const vec x = LOAD(net + i);
            STORE(value + i, CHOOSE(IS_BELOW(x, zero), zero, x));
        }
        break;
    case ELLIOT:
        for (i = 0; i < count; i += LANES) {
            const vec x = LOAD(net + i);
            STORE(value + i, x / (1.0 + MAGNITUDE(x)));
        }
        break;
    case RADIAL_BASIS:
        for (i = 0; i < count; i += LANES) {
            const vec x = LOAD(net + i);
            STORE(value + i, NAME(exp_of_negative)(-(x * x)));
        }
        break;
    case SATURATING_LINEAR:
        for (i = 0; i < count; i += LANES) {
            const vec x = LOAD(net + i), low = CHOOSE(IS_BELOW(x, -one), -one, x);
            STORE(value + i, CHOOSE(IS_BELOW(one, low), one, low));
        }
        break;
    default:
        if (net != value)
            memcpy(value, net, (size_t)count * sizeof(double));
    }
}

/* Multiply with f' of a unit: delta becomes slope * delta. */
static INLINE TARGET void NAME(times_slope)(int activation, const double *net, const double *value, double *delta,
                                            int64_t width)
{
    const vec one = SPREAD(1.0), zero = SPREAD(0.0);
    int64_t s;
    switch (activation) {
    case TANH:
        for (s = 0; s < width; s += LANES)
            STORE(delta + s, (1.0 - LOAD(value + s) * LOAD(value + s)) * LOAD(delta + s));
        break;
    case LOGISTIC:
        for (s = 0; s < width; s += LANES)
            STORE(delta + s, LOAD(value + s) * (1.0 - LOAD(value + s)) * LOAD(delta + s));
        break;
    case RELU:
        for (s = 0; s < width; s += LANES)
            STORE(delta + s, CHOOSE(IS_BELOW(zero, LOAD(value + s)), one, zero) * LOAD(delta + s));
        break;
    case ELLIOT:
        for (s = 0; s < width; s += LANES) {
            const vec rest = 1.0 - MAGNITUDE(LOAD(value + s));
            STORE(delta + s, rest * rest * LOAD(delta + s));
        }
        break;
    case RADIAL_BASIS:
        for (s = 0; s < width; s += LANES)
            STORE(delta + s, -2.0 * LOAD(net + s) * LOAD(value + s) * LOAD(delta + s));
        break;
    case SATURATING_LINEAR:
        for (s = 0; s < width; s += LANES)
            STORE(delta + s, CHOOSE(IS_BELOW(MAGNITUDE(LOAD(value + s)), one), one, zero) * LOAD(delta + s));
        break;
    default:
        break;
    }
}

static INLINE TARGET double NAME(total)(vec x)
{
#if LANES > 1
    double sum = 0.0;
    int i;
    for (i = 0; i < LANES; i++)
        sum += x[i];
    return sum;
#else
    return x;
#endif
}

/* ------------------------------------------------------------------ one pass */

/* Where the rows of a layer's sources are, for one block. */
static int64_t NAME(source_rows)(const Network *net, const Layer *layer, const double *inputs, const double *values,
                                 int64_t width, const double **rows)
{
    int64_t n = 0, i;
    int s;
    for (s = 0; s < layer->n_sources; s++) {
        const int64_t from = layer->sources[s];
        const double *base = from < 0 ? inputs : values + net->layers[from].first_row * width;
        const int64_t size = from < 0 ? net->n_inputs : net->layers[from].size;
        for (i = 0; i < size; i++)
            rows[n++] = base + i * width;
    }
    return n;
}

/* Values of a block, residuals times the root of their weights, and each output's half sum of their squares, added. */
static TARGET void NAME(forward_block)(const Network *net, const double *weights, Room *room, int64_t b, double *sums)
{
    int64_t h, i, s;
    int k, m;
    const int64_t width = width_of(net, b);
    const double *inputs = block_data(net, b);
    const double *targets = inputs + net->n_inputs * width;
    const double *root = targets + net->n_outputs * width;
    double *values = block_values(net, room, b);
    for (k = 0; k < net->n_layers; k++) {
        const Layer *layer = net->layers + k;
        const double *matrix = weights + layer->start;
        const int64_t fan_in = layer->fan_in, n = NAME(source_rows)(net, layer, inputs, values, width, room->rows);
        double *value = values + layer->first_row * width;
        double *nets = layer->net_row < 0 ? value : values + layer->net_row * width;
        for (h = 0; h + 4 <= layer->size; h += 4) {
            const double *w0 = matrix + h * fan_in, *w1 = w0 + fan_in, *w2 = w1 + fan_in, *w3 = w2 + fan_in;
            double *out = nets + h * width;
            for (s = 0; s < width; s += LANES) {
                vec n0 = SPREAD(layer->has_bias ? w0[n] : 0.0), n1 = SPREAD(layer->has_bias ? w1[n] : 0.0);
                vec n2 = SPREAD(layer->has_bias ? w2[n] : 0.0), n3 = SPREAD(layer->has_bias ? w3[n] : 0.0);
                for (i = 0; i < n; i++) {
                    const vec z = LOAD(room->rows[i] + s);
                    n0 += w0[i] * z;
                    n1 += w1[i] * z;
                    n2 += w2[i] * z;
                    n3 += w3[i] * z;
                }
                STORE(out + s, n0);
                STORE(out + width + s, n1);
                STORE(out + 2 * width + s, n2);
                STORE(out + 3 * width + s, n3);
            }
        }
        for (; h < layer->size; h++) {
            const double *w = matrix + h * fan_in;
            double *out = nets + h * width;
            for (s = 0; s < width; s += LANES) {
                vec even = SPREAD(layer->has_bias ? w[n] : 0.0), odd = SPREAD(0.0);
                for (i = 0; i + 2 <= n; i += 2) {
                    even += w[i] * LOAD(room->rows[i] + s);
                    odd += w[i + 1] * LOAD(room->rows[i + 1] + s);
                }
                if (i < n)
                    even += w[i] * LOAD(room->rows[i] + s);
                STORE(out + s, even + odd);
            }
        }
        NAME(activate)(layer->activation, nets, value, layer->size * width);
    }
    for (m = 0; m < net->n_outputs; m++) {
        const double *out = values + (net->layers[net->n_layers - 1].first_row + m) * width;
        double *residual = values + (net->n_rows - net->n_outputs + m) * width;
        const double scale = net->scales[m];
        vec sum = SPREAD(0.0);
        for (s = 0; s < width; s += LANES) {
            const vec r = (LOAD(out + s) - LOAD(targets + m * width + s)) * (scale * LOAD(root + s));
            STORE(residual + s, r);
            sum += r * r;
        }
        sums[m] += 0.5 * NAME(total)(sum);
    }
}

/* All blocks. */
static TARGET void NAME(forward)(const Network *net, const double *weights, Room *room, double *sums)
{
    int64_t b;
    memset(sums, 0, (size_t)net->n_outputs * sizeof(double));
    for (b = 0; b < net->n_blocks; b++)
        NAME(forward_block)(net, weights, room, b, sums);
}

#define ROW double
#define ROW_IS_SINGLE 0
#define ROWS(x) NAME(x)
#include "rows.h"
#include "products.h"

/* From the deltas of some outputs, one after the other, to those of all other layers. */
static TARGET void NAME(back)(const Network *net, const double *weights, Room *room, const double *values,
                              double *deltas, int64_t first, int64_t end, int64_t width)
{
    const int last = net->n_layers - 1;
    const Layer *top = net->layers + last;
    int64_t h, u, i, s;
    int k, c;
    for (k = last - 1; k >= 0; k--) {
        const Layer *layer = net->layers + k;
        for (h = 0; h < layer->size; h++) {
            double *delta = deltas + (layer->first_unit + h) * width;
            int64_t n = 0;
            for (c = 0; c < layer->n_consumers; c++) {
                const Layer *consumer = net->layers + layer->consumers[c].layer;
                const double *column = weights + consumer->start + layer->consumers[c].first + h;
                const int64_t stop = consumer == top ? end : consumer->size;
                for (u = consumer == top ? first : 0; u < stop; u++) {
                    room->factors[n] = column[u * consumer->fan_in];
                    room->rows[n++] = deltas + (consumer->first_unit + u) * width;
                }
            }
            for (s = 0; s < width; s += LANES) {
                vec even = room->factors[0] * LOAD(room->rows[0] + s), odd = SPREAD(0.0);
                for (i = 1; i + 2 <= n; i += 2) {
                    odd += room->factors[i] * LOAD(room->rows[i] + s);
                    even += room->factors[i + 1] * LOAD(room->rows[i + 1] + s);
                }
                if (i < n)
                    odd += room->factors[i] * LOAD(room->rows[i] + s);
                STORE(delta + s, even + odd);
            }
            NAME(times_slope)(layer->activation,
                              layer->net_row < 0 ? NULL : values + (layer->net_row + h) * width,
                              values + (layer->first_row + h) * width, delta, width);
        }
    }
}

/* The gradient: at the point of the last forward pass; or with one, block by block while its values are near, where
   there are sums to write. */
static TARGET void NAME(slope)(const Network *net, const double *weights, Room *room, double *sums, double *gradient)
{
    const int last = net->n_layers - 1;
    const Layer *top = net->layers + last;
    int64_t b, h, s;
    int k, m;
    memset(gradient, 0, (size_t)net->n_weights * sizeof(double));
    if (sums != NULL)
        memset(sums, 0, (size_t)net->n_outputs * sizeof(double));
    for (b = 0; b < net->n_blocks; b++) {
        const int64_t width = width_of(net, b);
        const double *inputs = block_data(net, b);
        const double *root = inputs + (net->n_inputs + net->n_outputs) * width;
        double *values = block_values(net, room, b);
        if (sums != NULL)
            NAME(forward_block)(net, weights, room, b, sums);
        for (m = 0; m < net->n_outputs; m++) {
            const double *residual = values + (net->n_rows - net->n_outputs + m) * width;
            double *above = room->deltas + (top->first_unit + m) * width;
            const double scale = net->scales[m];
            for (s = 0; s < width; s += LANES)
                STORE(above + s, scale * LOAD(root + s) * LOAD(residual + s));
            NAME(times_slope)(top->activation, top->net_row < 0 ? NULL : values + (top->net_row + m) * width,
                              values + (top->first_row + m) * width, above, width);
        }
        NAME(back)(net, weights, room, values, room->deltas, 0, net->n_outputs, width);
        for (k = 0; k <= last; k++) {
            const Layer *layer = net->layers + k;
            int64_t n = NAME(source_rows)(net, layer, inputs, values, width, room->rows);
            if (layer->has_bias)
                room->rows[n++] = room->ones;
            for (h = 0; h < layer->size; h++)
                room->products[h] = room->deltas + (layer->first_unit + h) * width;
            {
                const Rows units = {room->products, NULL, layer->size, 0, 0, 1, 0, 0};
                const Rows sources = {room->rows, NULL, n, 0, 0, 1, 0, 0};
                NAME(add_pairs)(&units, &sources, width, gradient + layer->start, room->panel);
            }
        }
    }
}

#include "derive.h"
#undef ROW
#undef ROW_IS_SINGLE
#undef ROWS

#define ROW float
#define ROW_IS_SINGLE 1
#define ROWS(x) NAME(x##_single)
#include "rows.h"
#include "products.h"
#include "derive.h"
#undef ROW
#undef ROW_IS_SINGLE
#undef ROWS

/* ------------------------------------------------------------------ damped solves */

/* Solve (A + M) x = b by Cholesky; work has n + 1 rows of stride doubles, a multiple of PAD above n. Returns
   whether every pivot is positive and x is finite.

   The upper triangle of U with A + M = U'U is made row by row, the right-hand side being one more column. Four rows
   are finished, then taken from all below at once: an entry there is loaded and stored once for four products. What
   is left of the diagonal is never looked at, so that rows begin at a multiple of the vector's length. */
static TARGET int NAME(solve)(const double *normal, const double *added, int64_t added_step, const double *right,
                              double sign, double *solution, int64_t n, double *work, int64_t stride)
{
    int64_t i, j, k;
    double check = 0.0;
    for (i = 0; i < n; i++) {
        double *row = work + i * stride;
        memcpy(row + i, normal + i * n + i, (size_t)(n - i) * sizeof(double));
        row[i] += added[i * added_step];
        row[n] = sign * right[i];
        for (j = n + 1; j < stride; j++)
            row[j] = 0.0;
        for (j = i & -(int64_t)PAD; j < i; j++)
            row[j] = 0.0;
    }
    for (k = 0; k < n; k += 4) {
        const int64_t end = k + 4 < n ? k + 4 : n;
        for (i = k; i < end; i++) {
            double *row = work + i * stride;
            double pivot;
            for (j = k; j < i; j++) {
                const double *above = work + j * stride;
                const double factor = above[i];
                int64_t s;
                for (s = i & -(int64_t)LANES; s < stride; s += LANES)
                    STORE(row + s, LOAD(row + s) - factor * LOAD(above + s));
            }
            pivot = row[i];
            if (!(pivot > 0.0))
                return 0;
            pivot = 1.0 / sqrt(pivot);
            for (j = i & -(int64_t)LANES; j < stride; j += LANES)
                STORE(row + j, pivot * LOAD(row + j));
        }
        if (end - k < 4)
            break;
        for (i = end; i < n; i++) {
            double *row = work + i * stride;
            const double *u0 = work + k * stride, *u1 = u0 + stride, *u2 = u1 + stride, *u3 = u2 + stride;
            const double f0 = u0[i], f1 = u1[i], f2 = u2[i], f3 = u3[i];
            for (j = i & -(int64_t)LANES; j < stride; j += LANES)
                STORE(row + j, LOAD(row + j) - (f0 * LOAD(u0 + j) + f1 * LOAD(u1 + j)) -
                                   (f2 * LOAD(u2 + j) + f3 * LOAD(u3 + j)));
        }
    }
    {
        double *x = work + n * stride;
        memset(x, 0, (size_t)stride * sizeof(double));
        for (i = n - 1; i >= 0; i--) {
            const double *row = work + i * stride;
            vec sum = SPREAD(0.0);
            for (j = i & -(int64_t)LANES; j < n; j += LANES)
                sum += LOAD(row + j) * LOAD(x + j);
            x[i] = (row[n] - NAME(total)(sum)) / row[i];
            check += x[i];
        }
        memcpy(solution, x, (size_t)n * sizeof(double));
    }
    return isfinite(check) != 0;
}

#undef vec
#undef whole
#undef AS_WHOLE
#undef AS_REAL
#undef SPREAD
#undef IS_BELOW
#undef IS_EQUAL
#undef CHOOSE
#undef MAGNITUDE
#undef LOAD
#undef LOAD_LOOSE
#undef STORE
#undef NAME
#undef TARGET
#undef LANES
#undef TILE
