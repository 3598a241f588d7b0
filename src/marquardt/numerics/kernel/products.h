/* Products of rows, in double precision and in single. */

#if LANES > 1
typedef ROW row_vec __attribute__((vector_size(ROW_LANES * sizeof(ROW)), may_alias));
typedef ROW row_half __attribute__((vector_size(LANES * sizeof(ROW)), may_alias, aligned(sizeof(ROW))));
#else
typedef ROW row_vec;
#endif

#if ROW_IS_SINGLE && (LANES == 1 || !defined(HAS_CONVERT))
static INLINE TARGET void ROWS(store)(ROW *to, vec from)
{
#if LANES > 1
    int i;
    for (i = 0; i < LANES; i++)
        to[i] = (ROW)from[i];
#else
    *to = (ROW)from;
#endif
}
#endif

static INLINE TARGET double ROWS(row_total)(row_vec x)
{
#if LANES > 1
    double sum = 0.0;
    int i;
    for (i = 0; i < ROW_LANES; i++)
        sum += x[i];
    return sum;
#else
    return x;
#endif
}

/* The totals of four vectors. */
static INLINE TARGET void ROWS(four_totals)(row_vec a, row_vec b, row_vec c, row_vec d, double *out)
{
#if LANES == 8 && defined(HAS_SHUFFLE) && !ROW_IS_SINGLE
    const row_vec ab = __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
                       __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
    const row_vec cd = __builtin_shufflevector(c, d, 0, 8, 2, 10, 4, 12, 6, 14) +
                       __builtin_shufflevector(c, d, 1, 9, 3, 11, 5, 13, 7, 15);
    const row_vec all = __builtin_shufflevector(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13) +
                        __builtin_shufflevector(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    int i;
    for (i = 0; i < 4; i++)
        out[i] = all[i] + all[i + 4];
#elif LANES == 8 && defined(HAS_SHUFFLE)
    const row_vec ab =
        __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
        __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    const row_vec cd =
        __builtin_shufflevector(c, d, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30) +
        __builtin_shufflevector(c, d, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    const row_vec all =
        __builtin_shufflevector(ab, cd, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29) +
        __builtin_shufflevector(ab, cd, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
    int i;
    for (i = 0; i < 4; i++)
        out[i] = (all[i] + all[i + 4]) + (all[i + 8] + all[i + 12]);
#else
    out[0] = ROWS(row_total)(a);
    out[1] = ROWS(row_total)(b);
    out[2] = ROWS(row_total)(c);
    out[3] = ROWS(row_total)(d);
#endif
}

/* Sums over samples of the products of so many rows, at most TILE and known to the compiler, with TILE rows. */
static INLINE TARGET void ROWS(tile_sums)(const int n_rows, const ROW *const *a, const ROW *const *b,
                                          int64_t width, double *totals)
{
    row_vec sums[TILE][TILE];
    int64_t s;
    int i, j;
    UNROLL
    for (i = 0; i < n_rows; i++) {
        UNROLL
        for (j = 0; j < TILE; j++)
            sums[i][j] = (row_vec){0};
    }
    for (s = 0; s < width; s += ROW_LANES) {
        row_vec right[TILE];
        UNROLL
        for (j = 0; j < TILE; j++)
            right[j] = ROW_LOAD(b[j] + s);
        UNROLL
        for (i = 0; i < n_rows; i++) {
            const row_vec left = ROW_LOAD(a[i] + s);
            UNROLL
            for (j = 0; j < TILE; j++)
                sums[i][j] += left * right[j];
        }
    }
    for (i = 0; i < n_rows; i++) {
#if TILE == 4
        ROWS(four_totals)(sums[i][0], sums[i][1], sums[i][2], sums[i][3], totals + 4 * i);
#else
        for (j = 0; j < TILE; j++)
            totals[i * TILE + j] = ROWS(row_total)(sums[i][j]);
#endif
    }
}

/* Add the lower triangle of R R' to the normal matrix, and R r to the gradient, if there is one: r is the row after the
   n of R. Rows of the same group, 0 and above, are not multiplied with each other. */
static TARGET void ROWS(add_products)(const ROW *const *rows, const int64_t *places, const int64_t *groups,
                                      int64_t n, int64_t width, int64_t n_weights, double *gradient, double *normal)
{
    const int64_t n_all = gradient == NULL ? n : n + 1, n_tiles = (n_all + TILE - 1) / TILE; /* above are zeros */
    int64_t ti, tj;
    int i, j;
    for (ti = 0; ti < n_tiles; ti++) {
        const ROW *a[TILE];
        const int64_t group = groups[ti * TILE] == groups[ti * TILE + TILE - 1] ? groups[ti * TILE] : -1;
        for (i = 0; i < TILE; i++)
            a[i] = rows[ti * TILE + i];
        for (tj = 0; tj <= ti; tj++) {
            const ROW *b[TILE];
            double totals[TILE * TILE];
            if (group >= 0 && groups[tj * TILE] == group && groups[tj * TILE + TILE - 1] == group)
                continue;
            for (j = 0; j < TILE; j++)
                b[j] = rows[tj * TILE + j];
            ROWS(tile_sums)(TILE, a, b, width, totals);
            for (i = 0; i < TILE; i++) {
                const int64_t row = ti * TILE + i;
                double *into;
                if (row >= n_all)
                    break;
                into = row == n ? gradient : normal + places[row] * n_weights;
                for (j = 0; j < TILE; j++) {
                    const int64_t column = tj * TILE + j;
                    if (column >= (row == n ? n : row + 1))
                        break;
                    if (groups[row] < 0 || groups[row] != groups[column])
                        into[places[column]] += totals[i * TILE + j];
                }
            }
        }
    }
}

/* A slice of one of the rows, aligned and padded with zeros: where it is, or written to a place. */
static INLINE TARGET const ROW *ROWS(form)(const Rows *rows, Place place, int64_t start, int64_t width, ROW *out)
{
    const double *a = rows->first[place.i] + start;
    const int64_t whole_width = width & -(int64_t)LANES;
    int64_t s, t;
    if (rows->second == NULL) {
#if !ROW_IS_SINGLE
        if (width % PAD == 0 && (uintptr_t)a % ALIGNMENT == 0)
            return a;
#endif
        for (s = 0; s < whole_width; s += LANES)
            ROW_STORE(out + s, LOAD_LOOSE(a + s));
        for (; s < width; s++)
            out[s] = (ROW)a[s];
    } else {
        const double *b = rows->second[place.j] + start;
        for (s = 0; s < whole_width; s += LANES) {
            vec sum = LOAD_LOOSE(a + s) * LOAD_LOOSE(b + s);
            for (t = 1; t < rows->n_terms; t++)
                sum += LOAD_LOOSE(a + t * rows->first_term + s) * LOAD_LOOSE(b + t * rows->second_term + s);
            ROW_STORE(out + s, sum);
        }
        for (; s < width; s++) {
            double sum = a[s] * b[s];
            for (t = 1; t < rows->n_terms; t++)
                sum += a[t * rows->first_term + s] * b[t * rows->second_term + s];
            out[s] = (ROW)sum;
        }
    }
    for (s = width; s < ROW_PADDED(width); s++)
        out[s] = 0;
    return out;
}

/* Add the sums over samples of the products of left and right rows to a matrix. What rows there are is made a slice
   of samples at a time, a panel of the right ones and a tile of the left ones: they never leave the cache. */
static TARGET void ROWS(add_pairs)(const Rows *left, const Rows *right, int64_t n_samples, double *matrix,
                                   double *memory)
{
    const int64_t n_left = count_rows(left), n_right = count_rows(right);
    const int64_t n_slices = (n_samples + ROW_SLICE - 1) / ROW_SLICE, n_panels = (n_right + PANEL - 1) / PANEL;
    const int64_t slice = n_slices > 0 ? ROW_PADDED((n_samples + n_slices - 1) / n_slices) : 0;
    const int64_t most = n_panels > 0 ? ((n_right + n_panels - 1) / n_panels + TILE - 1) / TILE * TILE : 0;
    ROW *panel = (ROW *)memory, *strip = panel + (PANEL + LARGEST_TILE) * ROW_SLICE;
    int64_t start, c, l, r;
    int i, j;
    for (start = 0; start < n_samples; start += slice) {
        const int64_t width = n_samples - start < slice ? n_samples - start : slice, pitch = ROW_PADDED(width);
        Place right_place = {0, 0};
        const ROW *panel_rows[PANEL + LARGEST_TILE];
        for (c = 0; c < n_right; c += most) {
            const int64_t n_here = n_right - c < most ? n_right - c : most;
            Place left_place = {0, 0};
            for (r = 0; r < n_here; r++) {
                panel_rows[r] = ROWS(form)(right, right_place, start, width, panel + r * pitch);
                right_place = place_after(right, right_place);
            }
            for (; r % TILE != 0; r++)
                panel_rows[r] = memset(panel + r * pitch, 0, (size_t)pitch * sizeof(ROW));
            for (l = 0; l < n_left; l += TILE) {
                const ROW *a[TILE];
                const int n_rows = n_left - l < TILE ? (int)(n_left - l) : TILE;
                for (i = 0; i < n_rows; i++) {
                    a[i] = ROWS(form)(left, left_place, start, width, strip + i * pitch);
                    left_place = place_after(left, left_place);
                }
                for (r = 0; r < n_here; r += TILE) {
                    const ROW *b[TILE];
                    double totals[TILE * TILE];
                    double *into = matrix + l * n_right + c + r;
                    for (j = 0; j < TILE; j++)
                        b[j] = panel_rows[r + j];
                    switch (n_rows) {
                    case 1:
                        ROWS(tile_sums)(1, a, b, pitch, totals);
                        break;
#if TILE > 2
                    case 2:
                        ROWS(tile_sums)(2, a, b, pitch, totals);
                        break;
#endif
#if TILE > 3
                    case 3:
                        ROWS(tile_sums)(3, a, b, pitch, totals);
                        break;
#endif
                    default:
                        ROWS(tile_sums)(TILE, a, b, pitch, totals);
                    }
                    for (i = 0; i < n_rows; i++)
                        for (j = 0; j < TILE && r + j < n_here; j++)
                            into[i * n_right + j] += totals[i * TILE + j];
                }
            }
        }
    }
}
