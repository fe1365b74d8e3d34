//go:build !race

package batch

import "testing"

// TestAllocations holds the engine to the allocations that it is known to need.
func TestAllocations(t *testing.T) {
	const (
		most  = 0.05 // for a row
		begin = 1000 // for the run, its workers and their tasks
		n     = 100_000
	)
	if allocs := testing.AllocsPerRun(1, func() { benchRun(t, n) }); allocs > most*n+begin {
		t.Errorf("%v allocations for %d rows; at most %v are allowed for each", allocs, n, most)
	}
}
