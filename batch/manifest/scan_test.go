package manifest

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"imsrevoke/batch"
)

func TestEqualHashesLeaveNoRowOut(t *testing.T) {
	t.Parallel()
	m := mustOpen(t, expand("image_id,member_id\nA!,1!\nB!,1!\nA!,2!\nB!,1!\nA!,1!\n"), Options{})
	want := slices.Clone(rowsOf(t, m))
	for _, most := range []int{1, 2, maxSuspects} {
		store := &memory{noted: -1}
		// Every pair is under suspicion, as if all hashes collided.
		hashes := pairHashes{seed: maphash.MakeSeed()}
		for range 2 {
			for _, row := range want {
				hashes.add(row.Pair)
			}
		}
		for _, row := range want {
			row.FirstSeq, row.FirstLine = 0, 0
			if err := store.Add(row.Row, row.Other); err != nil {
				t.Fatal(err)
			}
		}
		n, err := noteRepeats(context.Background(), store, &hashes, most)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, store.rows); n != 2 || diff != "" || want[3].FirstLine != 3 || want[4].FirstSeq != 0 || want[4].FirstLine != 2 {
			t.Errorf("%d suspects at a time: %d repeats, rows (-want +got):\n%s", most, n, diff)
		}
	}
}

func TestSuspectsAreTheHashesThatOccurAgain(t *testing.T) {
	t.Parallel()
	seed := maphash.MakeSeed()
	hashes := pairHashes{seed: seed}
	pair := func(i int) batch.Pair { return batch.Pair{ImageID: itoa(i), MemberID: itoa(i % 7)} }
	for i := range 5000 {
		hashes.add(pair(i))
	}
	want := make(map[uint64]bool)
	for _, i := range []int{4, 99, 4, 4999, 7, 7, 7} {
		hashes.add(pair(i))
		h, _, _ := hashOf(seed, pair(i))
		want[h] = true
	}
	if repeats := hashes.keepSuspects(); repeats != 7 {
		t.Errorf("%d repeats, want 7", repeats)
	}
	for _, most := range []int{2, 100} {
		got, parts := 0, 0
		for bucket := 0; bucket < len(hashes.buckets); parts++ {
			part := hashes.suspectsFrom(bucket, most)
			found := make(map[int]bool)
			for i := range 5000 {
				h, _, _ := hashOf(seed, pair(i))
				if index, ok := part.index(h); ok {
					found[index] = true
					if !want[h] || index >= part.count {
						t.Errorf("pair %d has the index %d of %d", i, index, part.count)
					}
				}
			}
			if len(found) != part.count {
				t.Errorf("%d of %d suspects have an index", len(found), part.count)
			}
			got += part.count
			bucket = part.end
		}
		if got != len(want) || (parts == 1) != (most == 100) {
			t.Errorf("%d suspects in %d parts, want %d", got, parts, len(want))
		}
	}
}

func TestDistinctIsExactUpToItsBound(t *testing.T) {
	t.Parallel()
	var d distinct
	if got := d.count(); got != (Count{}) {
		t.Errorf("at first %v", got)
	}
	for range 2 {
		for i := range uint64(maxDistinct) {
			d.add(i + 1)
		}
	}
	if got, want := d.count(), (Count{N: maxDistinct}); got != want {
		t.Errorf("at the bound %v, want %v", got, want)
	}
	d.add(maxDistinct + 1)
	d.add(1)
	if got, want := d.count(), (Count{N: maxDistinct, AtLeast: true}); got != want {
		t.Errorf("beyond the bound %v, want %v", got, want)
	}
}

func TestAFileMayBeLargerThanOneRowMay(t *testing.T) {
	t.Parallel()
	row := expand("A!,1!,") + strings.Repeat("x", maxCell) + "\n"
	m := mustOpen(t, "image_id,member_id,note\n"+strings.Repeat(row, maxRow/maxCell+2), Options{})
	if want := maxRow/maxCell + 2; m.Rows != want || m.Duplicates != want-1 || m.Valid != 1 {
		t.Errorf("%d rows, %d valid, %d duplicates", m.Rows, m.Valid, m.Duplicates)
	}
}
