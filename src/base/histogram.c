#include "base/histogram.h"

const struct histogram_bound histogram_bounds[HISTOGRAM_BUCKETS - 1] = {
	{100, "0.0001"},    {250, "0.00025"},	{500, "0.0005"},  {1000, "0.001"},
	{2500, "0.0025"},   {5000, "0.005"},	{10000, "0.01"},  {25000, "0.025"},
	{50000, "0.05"},    {100000, "0.1"},	{250000, "0.25"}, {500000, "0.5"},
	{1000000, "1.0"},   {2500000, "2.5"},	{5000000, "5.0"}, {10000000, "10.0"},
	{30000000, "30.0"}, {60000000, "60.0"},
};

void histogram_add(struct histogram *h, int64_t us)
{
	uint64_t value = us > 0 ? (uint64_t)us : 0;
	size_t i = 0;

	while (i < HISTOGRAM_BUCKETS - 1 && value > histogram_bounds[i].us)
		i++;
	h->counts[i]++;
	h->sum_us += value;
}
