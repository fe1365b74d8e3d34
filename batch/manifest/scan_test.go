package manifest

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"testing"

	"imsrevoke/batch"
)

func TestEqualHashesLeaveNoRowOut(t *testing.T) {
	t.Parallel()
	m := mustOpen(t, expand("image_id,member_id\nA!,1!\nB!,1!\nA!,2!\nB!,1!\nA!,1!\n"), Options{})
	want := slices.Clone(m.repeats)
	for _, most := range []int{1, 2, maxSuspects} {
		m.repeats = nil
		// Every pair is under suspicion, as if all hashes collided.
		hashes := pairHashes{seed: m.sealed.seed}
		for range 2 {
			for _, row := range mustDrain(t, m) {
				hashes.add(row.Pair)
			}
		}
		if err := m.findRepeatsOf(context.Background(), &hashes, most); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.repeats, want) || !slices.Equal(want, []repeat{{3, place{1, 3}}, {4, place{0, 2}}}) {
			t.Errorf("%d suspects at a time: repeats %v, before %v", most, m.repeats, want)
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
	want := make(map[uint64]struct{})
	for _, i := range []int{4, 99, 4, 4999, 7, 7, 7} {
		hashes.add(pair(i))
		h, _, _ := hashOf(seed, pair(i))
		want[shorten(h)] = struct{}{}
	}
	hashes.keepSuspects()
	got := make(map[uint64]struct{})
	parts := 0
	for part := hashes.take(2); len(part) > 0; part = hashes.take(2) {
		parts++
		maps.Copy(got, part)
	}
	if parts < 2 {
		t.Error("all were taken at once")
	}
	if !maps.Equal(got, want) {
		t.Errorf("%d suspects, want %d", len(got), len(want))
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
