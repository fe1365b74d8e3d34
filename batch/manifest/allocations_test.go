//go:build !race

package manifest

import (
	"io"
	"testing"
)

// TestAllocations holds the readings to the allocations that they are known to
// need for a row: its text, and in the first reading a record and what gocsv
// makes of each of the cells.
func TestAllocations(t *testing.T) {
	m, err := Open(t.Context(), benchFile(t, 2000, true), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for rows, most := range map[*Reader]float64{m.firstReader(t.Context()): 4, m.Reader(): 1} {
		allocs := testing.AllocsPerRun(1000, func() {
			if _, err := rows.Next(); err == io.EOF {
				t.Fatal("the file is too short")
			} else if err != nil {
				t.Fatal(err)
			}
		})
		if allocs > most {
			t.Errorf("%v allocations for a row; at most %v are allowed", allocs, most)
		}
	}
}
