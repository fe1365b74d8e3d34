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

// A repeat is a row with the same pair as an earlier one. Nearly every row may be one, so
// its numbers are small; see maxLines.
type repeat struct {
	seq   uint32 // of the row
	first place
}

// A place is where a row is.
type place struct{ seq, line uint32 }

// maxSuspects limits the pairs whose first row noteRepeats keeps at a time, in 40 bytes
// each.
const maxSuspects = 2 << 20

// pairHashes has 40 bits of a hash of every pair, in four bytes each: the index of the
// bucket is the rest. Pairs with equal hashes are suspects, and noteRepeats compares the
// pairs themselves. So few bits give hardly any false suspects among some millions of
// rows.
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

// keepSuspects drops the hashes that occur only once, and keeps one of each of the others.
// It returns the number of repeats if equal hashes mean equal pairs.
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

// suspects are those of some consecutive buckets.
type suspects struct {
	hashes     *pairHashes
	start, end int      // of the buckets
	before     [256]int // how many are in the buckets from start to before this one
	count      int
}

// suspectsFrom returns the suspects of the bucket start and of the following ones, at most
// most unless one bucket has more.
func (h *pairHashes) suspectsFrom(start, most int) suspects {
	s := suspects{hashes: h, start: start, end: start}
	for s.end < len(h.buckets) && (s.count == 0 || s.count+len(h.buckets[s.end]) <= most) {
		s.before[s.end] = s.count
		s.count += len(h.buckets[s.end])
		s.end++
	}
	return s
}

// index returns the index of a pair's hash among the suspects.
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

// noteRepeats notes in the store which rows repeat a pair, and returns their number. If
// there are suspects, it reads the stored rows again, once for every most of them. It
// needs memory for these, and for the rows that repeat a pair.
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
		// A row that repeats another is never repeated itself.
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

// A repeatFinder finds the repeats of a file.
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
	names := make(map[pairKey]uint64) // hashes of names as the first row spells them
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
