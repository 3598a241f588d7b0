/* What rows of one type need, for products.h and derive.h. body.h includes it before them with

     ROW            the type of the rows that are multiplied
     ROW_IS_SINGLE  whether it is float
     ROWS(x)        x with a suffix of its own

   Rows are made from doubles, and sums over a slice of samples are added to doubles. */

#undef row_vec
#undef row_half
#undef ROW_LANES
#undef ROW_PADDED
#undef ROW_SLICE
#undef ROW_LOAD
#undef ROW_STORE

#define row_vec ROWS(row_vec)
#define row_half ROWS(row_half)
#if LANES == 1
#define ROW_LANES 1
#elif ROW_IS_SINGLE
#define ROW_LANES (2 * LANES)
#else
#define ROW_LANES LANES
#endif
#define ROW_PADDED(n) (ROW_IS_SINGLE ? row_padded(n) : padded(n))
#define ROW_SLICE (SLICE * (int)(sizeof(double) / sizeof(ROW)))
#define ROW_LOAD(p) (*(const row_vec *)(p))
#if !ROW_IS_SINGLE
#define ROW_STORE(p, x) STORE(p, x)
#elif LANES > 1 && defined(HAS_CONVERT)
#define ROW_STORE(p, x) (*(row_half *)(p) = __builtin_convertvector(x, row_half))
#else
#define ROW_STORE(p, x) ROWS(store)(p, x)
#endif
