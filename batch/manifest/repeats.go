package manifest

import (
	"context"
	"hash/maphash"
	"io"
	"slices"
	"strings"

	"imsrevoke/batch"
)

// A repeat is a row with the same pair as an earlier one.
type repeat struct {
	seq   int // of the row
	first place
}

// A place is where a row is.
type place struct{ seq, line int }

// A firstRow is the first row with its pair, and the spelling of its member if
// that is a name.
type firstRow struct {
	place
	name string
}

// pairHashes holds 40 bits of a hash of every pair, in four bytes each: the
// index of the bucket and what stands in it. Equal hashes are a suspicion, and
// findRepeats compares the pairs themselves; so few bits are enough for some
// millions of rows with hardly a false suspicion.
type pairHashes struct {
	seed    maphash.Seed
	buckets [256][]uint32
}

// add returns the hashes of the two ids.
func (h *pairHashes) add(p batch.Pair) (image, member uint64) {
	pair, image, member := hashOf(h.seed, p)
	bucket := &h.buckets[pair>>56]
	*bucket = append(*bucket, uint32(pair>>24))
	return image, member
}

// suspects returns the hashes, as shorten gives them, that occur more than
// once, and lets go of all hashes.
func (h *pairHashes) suspects() map[uint64]struct{} {
	found := make(map[uint64]struct{})
	for i, bucket := range h.buckets {
		slices.Sort(bucket)
		for j := 1; j < len(bucket); j++ {
			if bucket[j] == bucket[j-1] {
				found[uint64(i)<<32|uint64(bucket[j])] = struct{}{}
			}
		}
		h.buckets[i] = nil
	}
	return found
}

// shorten takes the 40 bits of a pair's hash that pairHashes keeps.
func shorten(pair uint64) uint64 { return pair >> 24 }

// findRepeats reads the file a second time if pairs are suspected to repeat.
// It needs memory for the pairs that do and for the rows that repeat them.
func (m *Manifest) findRepeats(ctx context.Context, hashes *pairHashes) error {
	suspects := hashes.suspects()
	if len(suspects) == 0 {
		return nil
	}
	first := make(map[batch.Pair]firstRow, len(suspects))
	for rows := m.reader(ctx); ; {
		row, err := rows.Next()
		if err == io.EOF {
			slices.Sort(m.respelled)
			m.respelled = slices.Compact(m.respelled)
			return nil
		}
		if err != nil {
			return err
		}
		if row.Problem != "" {
			continue
		}
		pair, _, _ := hashOf(hashes.seed, row.Pair)
		if _, ok := suspects[shorten(pair)]; !ok {
			continue
		}
		key := batch.Pair{ImageID: row.Pair.ImageID, MemberID: batch.MemberKey(row.Pair.MemberID)}
		name := ""
		if !batch.IsProjectID(key.MemberID) {
			name = row.Pair.MemberID
		}
		if at, ok := first[key]; ok {
			m.repeats = append(m.repeats, repeat{row.Seq, at.place})
			if row.Respelled || name != at.name { // in another letter case
				m.respelled = append(m.respelled, at.seq)
			}
			continue
		}
		// The ids are parts of the text of their row, which must not be kept.
		key = batch.Pair{ImageID: strings.Clone(key.ImageID), MemberID: strings.Clone(key.MemberID)}
		first[key] = firstRow{place{row.Seq, row.Line}, strings.Clone(name)}
	}
}
