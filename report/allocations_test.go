//go:build !race

package report

import "testing"

// TestAllocations holds the work for each row to the allocations that it is
// known to need: they cost the more the larger the file.
func TestAllocations(t *testing.T) {
	for _, w := range works {
		t.Run(w.name, func(t *testing.T) {
			const n = 4096
			rows := tenRowsAnImage(n)
			do := w.begin(t, rows)
			allocs := testing.AllocsPerRun(1, func() {
				for _, row := range rows[:n/2] {
					do(row)
				}
				rows = rows[n/2:]
			}) / (n / 2)
			if allocs > w.allocs {
				t.Errorf("%.2f allocations for a row; at most %.2f are allowed", allocs, w.allocs)
			}
		})
	}
}
