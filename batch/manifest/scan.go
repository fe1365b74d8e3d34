package manifest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/maphash"
	"io"
	"math"
	"strings"
	"time"

	"imsrevoke/batch"
)

// maxLines limits the lines of a file, so that repeat and place have room for them.
const maxLines = math.MaxUint32

// scan reads every row once, passes the chosen ones to the store, and completes the
// Manifest.
func (m *Manifest) scan(ctx context.Context) error {
	var (
		sum     = rowDigest{hash: sha256.New()}
		whole   = rowDigest{hash: sha256.New()}
		pairs   = pairHashes{seed: maphash.MakeSeed()}
		images  distinct
		members distinct
		names   distinct
		swap    swapCheck
		wanted  = m.selector.wantedIDs()
	)
	now := time.Now() // for all rows
	rows := m.reader(ctx)
	for {
		row, err := rows.read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if int64(row.Line) > maxLines {
			return m.refuse(0, fmt.Sprintf("the file has more than %d lines", int64(maxLines)), "split it")
		}
		m.WholeRows++
		swap.add(row)
		if m.selector != nil {
			whole.add(row)
			for i := range m.Values {
				m.Values[i].add(rows.other[m.Values[i].index])
			}
			for _, id := range wanted {
				id.compare(row)
			}
			if !m.selector.matches(row, rows.other) {
				continue
			}
			m.UncutRows++
			if row.Problem != "" {
				m.UncutInvalid++
			}
		}
		m.protect(now, row)
		if m.selector != nil && !m.selector.Shard.of(row) {
			continue
		}
		m.Rows++
		sum.add(row)
		if err := m.store.Add(row, rows.other); err != nil {
			return err
		}
		if row.Problem != "" {
			if m.Invalid++; m.Invalid == 1 {
				m.FirstInvalid = Refused{row.Line, row.Problem}
			}
			continue
		}
		image, member := pairs.add(row.Pair)
		images.add(image)
		members.add(member)
		if !batch.IsProjectID(row.Pair.MemberID) {
			names.add(member)
			if m.NotProject.Line == 0 {
				m.NotProject = Occurrence{strings.Clone(row.Pair.MemberID), row.Line}
			}
		}
	}
	m.Headers, m.HeaderLine = rows.headers, rows.headerLine
	if swap.positive(m.columnsNamed) {
		return m.refuseSwapped(swap.line)
	}
	for i := range m.Values {
		m.Values[i].sort()
	}
	m.Digest, m.WholeDigest = sum.hex(), whole.hex()
	if m.selector == nil {
		m.WholeDigest, m.UncutRows, m.UncutInvalid = m.Digest, m.Rows, m.Invalid
	}
	if err := m.checkSelection(wanted); err != nil {
		return err
	}
	m.Images, m.Members, m.NotProjects = images.count(), members.count(), names.count()
	images, members, names = distinct{}, distinct{}, distinct{} // free their memory
	var err error
	if m.Duplicates, err = noteRepeats(ctx, m.store, &pairs, maxSuspects); err != nil {
		return err
	}
	m.Valid = m.Rows - m.Invalid - m.Duplicates
	return nil
}

// A rowDigest makes Manifest.Digest. It hashes for each row its line and the two cells,
// each after its length.
type rowDigest struct {
	hash hash.Hash
	buf  []byte
}

func (d *rowDigest) add(row batch.Row) {
	d.buf = binary.AppendUvarint(d.buf, uint64(row.Line))
	for _, cell := range [...]string{row.ImageID, row.MemberID} {
		d.buf = binary.AppendUvarint(d.buf, uint64(len(cell)))
		d.buf = append(d.buf, cell...)
	}
	if len(d.buf) > 4096 {
		d.flush()
	}
}

func (d *rowDigest) flush() {
	d.hash.Write(d.buf)
	d.buf = d.buf[:0]
}

func (d *rowDigest) hex() string {
	d.flush()
	return hex.EncodeToString(d.hash.Sum(nil))
}

const maxDistinct = 1_000_000

// distinct counts different hashes of ids, up to maxDistinct. It is a hash table that
// needs no further hashing, and so less than half of the time of a map.
type distinct struct {
	slots []uint64 // a power of two, at least a quarter of them free, which are 0
	n     int
	last  uint64
	over  bool
}

func (d *distinct) add(hash uint64) {
	if d.over || hash == d.last {
		return // the rows of one image often follow each other
	}
	d.last = hash
	if 4*(d.n+1) > 3*len(d.slots) {
		full := d.slots
		d.slots = make([]uint64, max(2*len(full), 1024))
		for _, hash := range full {
			d.put(hash)
		}
	}
	if !d.put(hash) {
		return
	}
	if d.n == maxDistinct {
		d.over, d.slots = true, nil
		return
	}
	d.n++
}

// put puts a hash into its slot, and reports whether it is new.
func (d *distinct) put(hash uint64) bool {
	last := uint64(len(d.slots) - 1)
	for i := hash; ; i++ {
		switch slot := &d.slots[i&last]; *slot {
		case hash: // or 0, which is not counted
			return false
		case 0:
			*slot = hash
			return true
		}
	}
}

func (d *distinct) count() Count {
	if d.over {
		return Count{N: maxDistinct, AtLeast: true}
	}
	return Count{N: d.n}
}

// swapRows is how many rows a swapCheck looks at.
const swapRows = 1000

// A swapCheck finds a file in which every row has the image in the column of members.
// Otherwise all its rows would be invalid, or, if the project ids are taken for image ids
// without dashes, about images that do not exist.
type swapCheck struct {
	rows, swapped int
	valid         int // rows of those swapped
	line          int // of the first row
}

func (s *swapCheck) add(row batch.Row) {
	if s.rows == swapRows {
		return
	}
	if s.rows == 0 {
		s.line = row.Line
	}
	s.rows++
	if hasDashes(row.ImageID) || !hasDashes(row.MemberID) {
		return
	}
	s.swapped++
	if row.Problem == "" {
		s.valid++
	}
}

// positive reports whether there are rows and all of them look swapped. Valid rows do not
// if the user named the columns.
func (s *swapCheck) positive(named bool) bool {
	return s.rows > 0 && s.swapped == s.rows && !(named && s.valid > 0)
}

func (m *Manifest) refuseSwapped(line int) error {
	return m.refuse(line, fmt.Sprintf("the columns look swapped: %q holds no UUID with dashes, %q holds nothing else", m.ImageColumn, m.MemberColumn),
		fmt.Sprintf("if so, pass --image-column '#%d' --member-column '#%d'; if not, the same with the numbers exchanged", m.layout.member+1, m.layout.image+1))
}

func hashOf(seed maphash.Seed, p batch.Pair) (pair, image, member uint64) {
	// For a parsed id, strings.ToLower does what batch.MemberKey does.
	image, member = maphash.String(seed, p.ImageID), maphash.String(seed, strings.ToLower(p.MemberID))
	// An odd factor keeps the pair (a, b) apart from (b, a).
	return image*0x9e3779b97f4a7c15 + member, image, member
}
