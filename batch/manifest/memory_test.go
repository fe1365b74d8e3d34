package manifest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"imsrevoke/report"
)

// memoryFile makes a file of n pairs with a note, written so many times.
func memoryFile(t *testing.T, n, times int, note string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pairs.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "image_id,member_id,note")
	for range times {
		for i := range n {
			fmt.Fprintf(w, "3f7c1d3e-5b1a-4c57-9a41-%012x,%032x,%s\n", i, i, note)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

func liveHeap() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// newPlan is the store of a real run.
func newPlan(t testing.TB) *report.Plan {
	t.Helper()
	plan, err := report.NewPlan(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { plan.Close() })
	return plan
}

// What keeps the ids of a row keeps no more than them.
func TestIDsDoNotKeepTheirRow(t *testing.T) {
	const rows = 5000
	plan := newPlan(t)
	if _, err := openRows(t.Context(), memoryFile(t, rows, 1, strings.Repeat("x", 4096)), Options{Store: plan}); err != nil {
		t.Fatal(err)
	}
	before := liveHeap()
	kept := make([]string, 0, 4*rows)
	for r := plan.Rows(); ; {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, row.ImageID, row.MemberID, row.Pair.ImageID, row.Pair.MemberID)
	}
	if used := (liveHeap() - before) / rows; len(kept) != 4*rows || used > 400 {
		t.Errorf("the ids of a row keep %d bytes alive; at most 400 are allowed", used)
	}
	runtime.KeepAlive(kept)
}

// A file that is appended to itself takes some two hundred bytes for each pair.
func TestTheMemoryForRepeatsIsBounded(t *testing.T) {
	const pairs, most = 150_000, 30 << 20
	path := memoryFile(t, pairs, 2, "")
	plan := newPlan(t)
	before := liveHeap()
	done := make(chan error)
	go func() {
		m, err := openRows(t.Context(), path, Options{Store: plan})
		if err == nil {
			if m.Duplicates != pairs || m.Valid != pairs {
				err = fmt.Errorf("%d valid, %d duplicates", m.Valid, m.Duplicates)
			}
		}
		done <- err
	}()
	var peak int64
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			if peak > most {
				t.Errorf("%d repeats take %d MiB; at most %d are allowed", pairs, peak>>20, most>>20)
			}
			return
		case <-time.After(2 * time.Millisecond):
			peak = max(peak, liveHeap()-before)
		}
	}
}
