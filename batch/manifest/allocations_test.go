//go:build !race

package manifest

import (
	"io"
	"testing"
)

// TestAllocations holds a reading to the allocations that it is known to need
// for a row: its text, a record, and what gocsv makes of each of the cells.
func TestAllocations(t *testing.T) {
	const most = 4
	m, err := Open(t.Context(), benchFile(t, 2000, true), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	rows := m.Reader()
	allocs := testing.AllocsPerRun(1000, func() {
		if _, err := rows.Next(); err == io.EOF {
			t.Fatal("the file is too short")
		} else if err != nil {
			t.Fatal(err)
		}
	})
	if allocs > most {
		t.Errorf("%v allocations for a row; at most %d are allowed", allocs, most)
	}
}
