//go:build !race

package manifest

import (
	"io"
	"os"
	"testing"
)

// TestAllocations holds the readings to the allocations that they are known to
// need for a row: its text, and while the file is read a record and what gocsv
// makes of each of the cells.
func TestAllocations(t *testing.T) {
	path, plan := benchFile(t, 2000, true), newPlan(t)
	m, err := openRows(t.Context(), path, Options{Store: plan})
	if err != nil {
		t.Fatal(err)
	}
	if m.file, err = os.Open(path); err != nil {
		t.Fatal(err)
	}
	defer m.file.Close()
	again := m.reader(t.Context())
	store := newPlan(t)
	if err := store.Begin(m.Columns); err != nil {
		t.Fatal(err)
	}
	reading := func() error {
		row, err := again.read()
		if err != nil {
			return err
		}
		return store.Add(row, again.other)
	}
	rows := plan.Rows()
	for most, next := range map[float64]func() error{4: reading, 1: func() error { _, err := rows.Next(); return err }} {
		allocs := testing.AllocsPerRun(1000, func() {
			if err := next(); err == io.EOF {
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
