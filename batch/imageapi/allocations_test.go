//go:build !race

package imageapi

import "testing"

// TestAllocations holds a request to the allocations that it is known to need,
// those of net/http's transport aside.
func TestAllocations(t *testing.T) {
	const most = 9
	remove := benchRemove(t)
	if allocs := testing.AllocsPerRun(1000, remove); allocs > most {
		t.Errorf("%v allocations for a request; at most %d are allowed", allocs, most)
	}
}
