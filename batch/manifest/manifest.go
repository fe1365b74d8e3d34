// Package manifest reads the pairs of a job from a CSV file of any dialect.
//
// [Open] reads and validates the whole file before it returns, so that the caller knows
// what is in it, or why it is refused, before anything is sent. A problem of one row makes
// that row invalid. A problem of the file as a whole (ambiguous columns, an unclosed quote,
// bytes that do not decode, swapped columns) refuses the file.
//
// The rows go to a [Store] meanwhile. Nothing is read from the file afterwards.
package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"imsrevoke/batch"
)

// Options say how to read the file. The zero Options detect everything.
type Options struct {
	// ImageColumn and MemberColumn name the columns of the ids: by their name,
	// compared without regard to case, spaces, "-" and "_", or by their number,
	// as in "3" or "#3".
	ImageColumn, MemberColumn string
	// Delimiter separates the cells of a row.
	Delimiter rune
	// Encoding is a name of the WHATWG Encoding Standard, such as "gb18030",
	// "utf-16le" or "windows-1252".
	Encoding string
	// Select chooses some of the rows.
	Select Selection
	// Keep are lists of protected shares, see [Manifest.Protected].
	Keep []*AllowList
	// Store takes the chosen rows. It may be nil for [OpenAllowList] only.
	Store Store
	// Stdin is read for the path "-". Nil means [os.Stdin].
	Stdin io.Reader
	// membersOnly says that the column of images is optional.
	membersOnly bool
	// TempDir is where input that is not a regular file is copied to: up to four
	// gigabytes, so it should not be in memory. [os.TempDir] is used if it is empty or
	// not writable.
	TempDir string
}

// A Store stores the rows of a file in their order. [Open] uses it in one goroutine.
type Store interface {
	// Begin names the other columns, see [Manifest.Columns], before the first row.
	Begin(columns []string) error
	// Add adds a row, with the cells of the other columns. It must not retain either.
	Add(row batch.Row, other []string) error
	// Rows reads the rows that were added so far, from the first.
	Rows() batch.Source
	// Note is called after the last Add, in the order of the rows, for those that repeat
	// an earlier one (firstLine is not 0) or are [batch.Row.Respelled].
	Note(seq, firstSeq, firstLine int, respelled bool) error
}

// A Manifest describes a file of pairs that was read as a whole.
type Manifest struct {
	// Name is the path, or "standard input".
	Name string

	// Rows counts the data rows that [Options.Select] chooses, without blank lines. The
	// numbers below count the same rows. Rows = Valid + Invalid + Duplicates.
	Rows int
	// Valid counts the rows to be sent: those that name a pair for the first time.
	Valid int
	// Invalid counts the rows that are not a pair.
	Invalid int
	// Duplicates counts the rows that repeat the pair of an earlier row.
	Duplicates int
	// FirstInvalid is the first invalid row.
	FirstInvalid Refused
	// Images and Members count the distinct ids in the rows that are pairs.
	Images, Members Count
	// NotProjects counts the Members that are not project ids, and NotProject is
	// the first of them.
	NotProjects Count
	NotProject  Occurrence

	// Headers counts the lines that repeat the header and so are not rows, HeaderLine is
	// the first of them.
	Headers, HeaderLine int

	// Digest is the SHA-256, in hexadecimal, of the line number and the two id cells of
	// every row. It does not depend on the other columns, nor on the delimiter, quoting,
	// encoding or line ends.
	Digest string

	// Keep is the SHA-256, in hexadecimal, of the entries of all [Options.Keep];
	// empty if there are none.
	Keep string
	// Protected counts the chosen rows of all shards that name a share which an
	// unexpired entry of [Options.Keep] protects; ProtectedRows are the first of them.
	Protected     int
	ProtectedRows []Protected

	// Values counts the values of the columns of [Selection.Where].
	Values []Values

	// UncutRows and UncutInvalid are Rows and Invalid for all shards together.
	UncutRows, UncutInvalid int
	// WholeRows counts all rows of the file, WholeDigest is their Digest.
	WholeRows   int
	WholeDigest string

	// Encoding is the file's encoding, such as "utf-8", "utf-16le" or "gb18030".
	// EncodingGuessed is set if it is not certain.
	Encoding        string
	EncodingGuessed bool
	// Delimiter separates the cells of a row.
	Delimiter rune
	// ImageColumn and MemberColumn are the names of the columns of the ids, Columns those
	// of all others in their order, as the header has them.
	ImageColumn, MemberColumn string
	Columns                   []string

	columnsNamed bool // by the caller, both of them

	charset  charset
	layout   layout
	selector *selector
	keep     []*AllowList
	store    Store

	// While the file is read:
	file    *os.File
	info    os.FileInfo // before it was read
	private bool        // it is a copy, which nobody else can change
	copied  string      // the name of the copy, if it still has one
}

// blockSize is how many bytes of the file are read at once.
const blockSize = 64 << 10

// A Refused is a row that is not a pair, and why.
type Refused struct {
	Line    int
	Problem string
}

// A Count is a number that is exact up to a limit.
type Count struct {
	N int
	// AtLeast is set if N is the limit and there are more.
	AtLeast bool
}

// Open reads and validates the file at path, or standard input for "-".
//
// If the user can correct the problem, the error is an [*Error]. When ctx ends, Open
// returns its cause after the current block of the file; it does not interrupt a read from
// a pipe.
func Open(ctx context.Context, path string, opts Options) (*Manifest, error) {
	m := &Manifest{Name: path, store: opts.Store}
	if path == "-" {
		m.Name = "standard input"
	}
	if err := errors.Join(m.open(ctx, path, opts), m.closeFile()); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Manifest) open(ctx context.Context, path string, opts Options) error {
	if d := opts.Delimiter; d != 0 && !validDelimiter(d) {
		return m.refuse(0, fmt.Sprintf("%q cannot be a delimiter", d), "give one character, such as , ; or |, with --delimiter")
	}
	if err := m.openText(ctx, path, opts); err != nil {
		return err
	}
	m.columnsNamed = opts.ImageColumn != "" && opts.MemberColumn != ""
	var err error
	m.keep, m.Keep = opts.Keep, digestOf(opts.Keep)
	if m.selector, err = m.newSelector(opts.Select); err != nil {
		return err
	}
	if err := m.store.Begin(m.Columns); err != nil {
		return err
	}
	return errors.Join(m.scan(ctx), m.unchanged())
}

// openText opens the file and detects its encoding and layout.
func (m *Manifest) openText(ctx context.Context, path string, opts Options) error {
	var err error
	if m.file, err = m.openFile(ctx, path, opts); err != nil {
		return err
	}
	if m.info, err = m.file.Stat(); err != nil {
		return fmt.Errorf("reading %s: %w", m.Name, err)
	}
	if m.charset, err = m.detectCharset(ctx, opts.Encoding); err != nil {
		return err
	}
	m.Encoding, m.EncodingGuessed = m.charset.name, m.charset.guessed
	if m.layout, err = m.detectLayout(ctx, opts); err != nil {
		return err
	}
	m.Delimiter = m.layout.delimiter
	for i, name := range m.layout.header {
		switch i {
		case m.layout.image:
			m.ImageColumn = name
		case m.layout.member:
			m.MemberColumn = name
		default:
			m.Columns = append(m.Columns, name)
		}
	}
	return nil
}

// unchanged returns an error if the file was written to while it was read: the rows may
// then come from different states of it.
func (m *Manifest) unchanged() error {
	if m.private {
		return nil
	}
	now, err := m.file.Stat()
	if err != nil {
		return fmt.Errorf("reading %s: %w", m.Name, err)
	}
	if now.Size() != m.info.Size() || !now.ModTime().Equal(m.info.ModTime()) {
		return fmt.Errorf("%s: %w", m.Name, ErrChanged)
	}
	return nil
}

// bytes reads the file from the start.
func (m *Manifest) bytes(ctx context.Context) io.Reader {
	return &contextReader{ctx, io.NewSectionReader(m.file, 0, m.info.Size())}
}

// closeFile closes the file, and removes it if it is a copy.
func (m *Manifest) closeFile() error {
	if m.file == nil {
		return nil
	}
	err := m.file.Close()
	if m.copied != "" {
		err = errors.Join(err, os.Remove(m.copied))
	}
	m.file = nil
	return err
}

func validDelimiter(r rune) bool {
	return r != '"' && r != '\r' && r != '\n' && r != utf8.RuneError && utf8.ValidRune(r)
}
