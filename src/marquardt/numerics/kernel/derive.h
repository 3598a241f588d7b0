/* Gradient and normal matrix at the point of the last forward pass; both triangles are written. body.h includes this file
   for rows of doubles, and of single precision: then the residuals are no row, and the gradient stays in double. */
static TARGET void ROWS(derive)(const Network *net, const double *weights, Room *room, double *gradient,
                                double *normal)
{
    const int64_t n_weights = net->n_weights;
    const int last = net->n_layers - 1;
    const Layer *top = net->layers + last;
    int64_t b, h, i, j, s;
    int k, m;
    if (net->n_pair_sums > 0)
        memset(room->pair_sums, 0, (size_t)net->n_pair_sums * sizeof(double));
#if ROW_IS_SINGLE
    NAME(slope)(net, weights, room, NULL, gradient);
#else
    memset(gradient, 0, (size_t)n_weights * sizeof(double));
#endif
    memset(normal, 0, (size_t)(n_weights * n_weights) * sizeof(double));
    for (b = 0; b < net->n_blocks; b++) {
        const int64_t width = width_of(net, b);
        const double *inputs = block_data(net, b);
        const double *root = inputs + (net->n_inputs + net->n_outputs) * width;
        double *values = block_values(net, room, b);
        const int64_t pitch = ROW_PADDED(width);
        const ROW **products = (const ROW **)room->products;
        for (m = 0; m < net->n_outputs; m++) {
            double *deltas = room->deltas + (net->n_pair_sums > 0 ? m * net->n_units * width : 0);
            ROW *part = (ROW *)room->jacobian;
            const double scale = net->scales[m];
            double *above = deltas + (top->first_unit + m) * width;
            int64_t row = 0;
            for (s = 0; s < width; s += LANES)
                STORE(above + s, scale * LOAD(root + s));
            NAME(times_slope)(top->activation,
                              top->net_row < 0 ? NULL : values + (top->net_row + m) * width,
                              values + (top->first_row + m) * width, above, width);
            NAME(back)(net, weights, room, values, deltas, m, m + 1, width);
            for (k = 0; k <= last; k++) {
                const Layer *layer = net->layers + k;
                const int64_t n = NAME(source_rows)(net, layer, inputs, values, width, room->rows);
                /* The weights of one output move no other. */
                const int64_t first = k == last ? m : 0, end = k == last ? m + 1 : layer->size;
                for (h = first; h < end; h++) {
                    const double *delta = deltas + (layer->first_unit + h) * width;
                    const int64_t place = layer->start + h * layer->fan_in;
                    for (i = 0; i < n + layer->has_bias; i++) {
                        room->places[row] = place + i;
                        room->groups[row] = layer->first_pair < 0 ? -1 : k;
#if !ROW_IS_SINGLE
                        if (i == n) {
                            products[row++] = delta;
                            continue;
                        }
#endif
                        {
                            const double *z = i == n ? room->ones : room->rows[i];
                            for (s = 0; s < width; s += LANES)
                                ROW_STORE(part + s, LOAD(delta + s) * LOAD(z + s));
                            for (s = width; s < pitch; s++)
                                part[s] = 0;
                        }
                        products[row++] = part;
                        part += pitch;
                    }
                }
            }
            for (i = 0; i < TILE; i++) {
                products[row + i] = (const ROW *)room->zeros;
                room->groups[row + i] = -1;
            }
#if ROW_IS_SINGLE
            ROWS(add_products)(products, room->places, room->groups, row, pitch, n_weights, NULL, normal);
#else
            products[row] = values + (net->n_rows - net->n_outputs + m) * width;
            ROWS(add_products)(products, room->places, room->groups, row, width, n_weights, gradient, normal);
#endif
        }
        for (k = 0; k < last; k++) {
            const Layer *layer = net->layers + k;
            int64_t n;
            if (layer->first_pair < 0)
                continue;
            n = NAME(source_rows)(net, layer, inputs, values, width, room->rows);
            if (layer->has_bias)
                room->rows[n++] = room->ones;
            for (h = 0; h < layer->size; h++)
                room->products[h] = room->deltas + (layer->first_unit + h) * width;
            {
                const int64_t term = net->n_units * width;
                const Rows units = {room->products, room->products, layer->size, layer->size, 1, net->n_outputs, term, term};
                const Rows sources = {room->rows, room->rows, n, n, 1, 1, 0, 0};
                ROWS(add_pairs)(&units, &sources, width, room->pair_sums + layer->first_pair, room->panel);
            }
        }
    }
    for (k = 0; k < last; k++)
        if (net->layers[k].first_pair >= 0)
            spread(net->layers[k].size, net->layers[k].fan_in, room->pair_sums + net->layers[k].first_pair, 0, NULL,
                   n_weights, normal + net->layers[k].start * (n_weights + 1));
    for (i = 0; i < n_weights; i++)
        for (j = 0; j < i; j++)
            normal[j * n_weights + i] = normal[i * n_weights + j];
}
