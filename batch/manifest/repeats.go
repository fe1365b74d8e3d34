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

// maxSuspects is for how many pairs findRepeats keeps the first row at a time,
// in 40 bytes each.
const maxSuspects = 2 << 20

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

// keepSuspects drops the hashes that occur only once, and leaves each of the
// others once. It returns how many repeats there are if equal hashes are equal
// pairs.
func (h *pairHashes) keepSuspects() (repeats int) {
	for i, bucket := range h.buckets {
		slices.Sort(bucket)
		kept := bucket[:0]
		for j := 1; j < len(bucket); j++ {
			if bucket[j] != bucket[j-1] {
				continue
			}
			repeats++
			if len(kept) == 0 || kept[len(kept)-1] != bucket[j] {
				kept = append(kept, bucket[j])
			}
		}
		h.buckets[i] = slices.Clone(kept)
	}
	return repeats
}

// Some suspects are those of consecutive buckets.
type suspects struct {
	hashes     *pairHashes
	start, end int      // of the buckets
	before     [256]int // how many are in the buckets before, from start on
	count      int
}

// suspectsFrom returns the suspects of the bucket start and of those behind it
// up to most, or of one bucket if that has more.
func (h *pairHashes) suspectsFrom(start, most int) suspects {
	s := suspects{hashes: h, start: start, end: start}
	for s.end < len(h.buckets) && (s.count == 0 || s.count+len(h.buckets[s.end]) <= most) {
		s.before[s.end] = s.count
		s.count += len(h.buckets[s.end])
		s.end++
	}
	return s
}

// index returns the place of a pair's hash among the suspects.
func (s *suspects) index(pair uint64) (int, bool) {
	bucket := int(pair >> 56)
	if bucket < s.start || bucket >= s.end {
		return 0, false
	}
	i, found := slices.BinarySearch(s.hashes.buckets[bucket], uint32(pair>>24))
	return s.before[bucket] + i, found
}

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
	key pairKey
}

// noteRepeats reads the stored rows again if pairs are suspected to repeat: once, or
// where that are very many, once for every most of them. It needs memory for these,
// and for the rows that repeat a pair. It notes in the store which they are, and
// returns how many.
func noteRepeats(ctx context.Context, store Store, hashes *pairHashes, most int) (int, error) {
	f := repeatFinder{seed: hashes.seed, repeats: make([]repeat, 0, hashes.keepSuspects())}
	for bucket := 0; bucket < len(hashes.buckets); {
		part := hashes.suspectsFrom(bucket, most)
		if part.count > 0 {
			if err := f.find(ctx, store.Rows(), &part); err != nil {
				return 0, err
			}
		}
		bucket = part.end
	}
	slices.SortFunc(f.repeats, func(a, b repeat) int { return cmp.Compare(a.seq, b.seq) })
	slices.Sort(f.respelled)
	respelled := slices.Compact(f.respelled)
	for _, r := range f.repeats {
		for ; len(respelled) > 0 && respelled[0] < r.seq; respelled = respelled[1:] {
			if err := store.Note(int(respelled[0]), 0, 0, true); err != nil {
				return 0, err
			}
		}
		// A row that repeats another is never one that is repeated.
		if err := store.Note(int(r.seq), int(r.first.seq), int(r.first.line), false); err != nil {
			return 0, err
		}
	}
	for _, seq := range respelled {
		if err := store.Note(int(seq), 0, 0, true); err != nil {
			return 0, err
		}
	}
	return len(f.repeats), nil
}

// A repeatFinder collects the repeats of a file.
type repeatFinder struct {
	seed      maphash.Seed
	repeats   []repeat
	respelled []uint32
	first     []firstRow
}

// find adds the repeats of some suspects.
func (f *repeatFinder) find(ctx context.Context, rows batch.Source, suspects *suspects) error {
	f.first = slices.Grow(f.first[:0], suspects.count)[:suspects.count]
	clear(f.first)
	others := make(map[pairKey]place) // pairs with the hash of another one
	names := make(map[pairKey]uint64) // hashes of names as the first row has them
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if row.Seq%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if row.Problem != "" {
			continue
		}
		pair, _, _ := hashOf(f.seed, row.Pair)
		i, suspect := suspects.index(pair)
		if !suspect {
			continue
		}
		this := firstRow{place{uint32(row.Seq), uint32(row.Line)}, keyOf(row.Pair)}
		at, again := f.first[i].place, f.first[i].key == this.key
		if f.first[i].line == 0 {
			f.first[i] = this
		} else if !again {
			if at, again = others[this.key]; !again {
				others[this.key] = this.place
			}
		}
		var name uint64
		if !batch.IsProjectID(row.Pair.MemberID) {
			name = maphash.String(f.seed, row.Pair.MemberID)
		}
		if !again {
			if name != 0 {
				names[this.key] = name
			}
			continue
		}
		f.repeats = append(f.repeats, repeat{this.seq, at})
		if row.Respelled || name != names[this.key] { // in another letter case
			f.respelled = append(f.respelled, at.seq)
		}
	}
}
