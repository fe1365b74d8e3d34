package manifest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"io"
	"slices"

	"imsrevoke/batch"
)

// A repeat is a row with the same pair as an earlier one. There may be one for
// nearly every row, so its numbers are kept small; see maxLines.
type repeat struct {
	seq   uint32 // of the row
	first place
}

// A place is where a row is.
type place struct{ seq, line uint32 }

// maxSuspects is for how many pairs findRepeats keeps the first row at a time.
// They take less than a hundred bytes each.
const maxSuspects = 1 << 20

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

// keepSuspects drops the hashes that occur only once. Each of the others is
// left once.
func (h *pairHashes) keepSuspects() {
	for i, bucket := range h.buckets {
		slices.Sort(bucket)
		kept := bucket[:0]
		for j := 1; j < len(bucket); j++ {
			if bucket[j] == bucket[j-1] && (len(kept) == 0 || kept[len(kept)-1] != bucket[j]) {
				kept = append(kept, bucket[j])
			}
		}
		h.buckets[i] = slices.Clone(kept)
	}
}

// take returns hashes, as shorten gives them, and forgets them: about as many as
// most, and none when all have been taken.
func (h *pairHashes) take(most int) map[uint64]struct{} {
	taken := make(map[uint64]struct{})
	for i, bucket := range h.buckets {
		if len(taken) > 0 && len(taken)+len(bucket) > most {
			break
		}
		for _, low := range bucket {
			taken[uint64(i)<<32|uint64(low)] = struct{}{}
		}
		h.buckets[i] = nil
	}
	return taken
}

// shorten takes the 40 bits of a pair's hash that pairHashes keeps.
func shorten(pair uint64) uint64 { return pair >> 24 }

// A pairKey is the same for equal pairs and no others: the 16 bytes of each id,
// or the SHA-256 of both where the member is a name.
type pairKey [sha256.Size]byte

func keyOf(p batch.Pair) (key pairKey) {
	if !batch.IsProjectID(p.MemberID) {
		return sha256.Sum256([]byte(p.ImageID + "\n" + batch.MemberKey(p.MemberID)))
	}
	var digits [2 * sha256.Size]byte
	n := 0
	for _, id := range [...]string{p.ImageID, p.MemberID} {
		for i := range len(id) {
			if id[i] != '-' {
				digits[n] = id[i]
				n++
			}
		}
	}
	_, _ = hex.Decode(key[:], digits[:]) // they are hexadecimal digits in all pairs
	return key
}

// A firstRow is the first row with its pair.
type firstRow struct {
	place
	spelling uint64 // a hash of the member as the row spells it, if it is a name
}

// findRepeats reads the file again if pairs are suspected to repeat: once, or
// where that are very many, once for every maxSuspects of them. It needs memory
// for these, and for the rows that repeat a pair.
func (m *Manifest) findRepeats(ctx context.Context, hashes *pairHashes) error {
	return m.findRepeatsOf(ctx, hashes, maxSuspects)
}

func (m *Manifest) findRepeatsOf(ctx context.Context, hashes *pairHashes, most int) error {
	hashes.keepSuspects()
	var repeats []repeat
	var respelled []uint32
	for suspects := hashes.take(most); len(suspects) > 0; suspects = hashes.take(most) {
		first := make(map[pairKey]firstRow, len(suspects))
		for rows := m.reader(ctx); ; {
			row, err := rows.Next()
			if err == io.EOF {
				break
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
			this := firstRow{place: place{uint32(row.Seq), uint32(row.Line)}}
			if !batch.IsProjectID(row.Pair.MemberID) {
				this.spelling = maphash.String(hashes.seed, row.Pair.MemberID)
			}
			key := keyOf(row.Pair)
			at, ok := first[key]
			if !ok {
				first[key] = this
				continue
			}
			repeats = append(repeats, repeat{this.seq, at.place})
			if row.Respelled || this.spelling != at.spelling { // in another letter case
				respelled = append(respelled, at.seq)
			}
		}
	}
	slices.SortFunc(repeats, func(a, b repeat) int { return cmp.Compare(a.seq, b.seq) })
	slices.Sort(respelled)
	m.repeats, m.respelled = repeats, slices.Compact(respelled)
	return nil
}
