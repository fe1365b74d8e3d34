// Package manifest reads the pairs of a job from a CSV file of any dialect.
//
// [Open] reads the whole file and judges it before it returns, so that a
// caller knows what the file holds, or why it is refused, before anything is
// sent. What is wrong with one row makes that row invalid; what makes the file
// as a whole doubtful (no way to tell the columns, a quote that swallows rows,
// bytes that do not decode, swapped columns) refuses it.
//
// The file stays open and is sealed: a later reading that meets other bytes
// than Open did ends with [ErrChanged] before it hands out a row made of them.
package manifest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// Options say how to read the file. The zero value detects everything.
type Options struct {
	// ImageColumn and MemberColumn name the columns of the ids: by their name,
	// compared without regard to case, spaces, "-" and "_", or by their number,
	// as in "3" or "#3".
	ImageColumn, MemberColumn string
	// Delimiter stands between the cells of a row.
	Delimiter rune
	// Encoding is a name of the WHATWG Encoding Standard, such as "gb18030",
	// "utf-16le" or "windows-1252".
	Encoding string
	// Select chooses some of the rows.
	Select Selection
	// Keep are lists of shares that no row may name, see [Manifest.Protected].
	Keep []*AllowList
	// Stdin is read for the path "-". Nil means [os.Stdin].
	Stdin io.Reader
	// membersOnly says that a file without a column of images is no fault.
	membersOnly bool
	// TempDir is where input that is not a regular file is kept while the
	// Manifest is open: up to four gigabytes, so not on a file system that is
	// memory. If it is empty or cannot be written to, that is [os.TempDir].
	TempDir string
}

// A Manifest is an open file of pairs that has been read once, as a whole.
//
// Its fields are set by [Open] and must not be changed; they may be read, and
// readings may be started, by several goroutines at once.
type Manifest struct {
	// Name is the path, or "standard input".
	Name string

	// Rows counts the data rows that [Options.Select] chooses; blank lines are
	// not among them. The numbers below are of the same rows.
	// Rows = Valid + Invalid + Duplicates.
	Rows int
	// Valid counts the rows to be sent: those that name a pair for the first time.
	Valid int
	// Invalid counts the rows that cannot be a pair.
	Invalid int
	// Duplicates counts the rows that repeat the pair of an earlier row.
	Duplicates int
	// Images and Members count the distinct ids in the rows that are pairs.
	Images, Members Count
	// NotProjects counts the Members that are not project ids, and NotProject is
	// the first of them.
	NotProjects Count
	NotProject  Standing

	// Headers counts the lines that repeat the header and so are no rows, and
	// HeaderLine is the first of them.
	Headers, HeaderLine int

	// Digest is the SHA-256, in hexadecimal, of the line number and the two id
	// cells of every row. It does not depend on the other columns, on the
	// delimiter, the quoting, the encoding or the line ends.
	Digest string

	// Protected counts the chosen rows, of all shards together, whose share an
	// entry of [Options.Keep] names that still counts; ProtectedRows are the first
	// of them.
	Protected     int
	ProtectedRows []Protected

	// Values counts the values of the columns of [Selection.Where].
	Values []Values

	// UncutRows and UncutInvalid are Rows and Invalid of all shards together.
	UncutRows, UncutInvalid int
	// WholeRows counts all rows of the file, WholeDigest is the Digest of them.
	WholeRows   int
	WholeDigest string

	// Encoding is the file's encoding, such as "utf-8", "utf-16le" or
	// "gb18030". EncodingGuessed is set when neither the caller nor the bytes
	// themselves say so for certain.
	Encoding        string
	EncodingGuessed bool
	// Delimiter stands between the cells of a row.
	Delimiter rune
	// ImageColumn and MemberColumn are the names of the columns of the ids, and
	// Columns those of all others in their order, as they stand in the header.
	ImageColumn, MemberColumn string
	Columns                   []string

	columnsNamed bool // by the caller, both of them

	sealed   *sealed
	spooled  string // the copy of the input, to be removed by Close
	charset  charset
	layout   layout
	selector *selector
	keep     []*AllowList
	repeats  []repeat
	// respelled are the numbers of the rows that a later row repeats with
	// another spelling of the member.
	respelled []uint32
}

// Count is a number that is exact up to a bound.
type Count struct {
	N int
	// AtLeast is set when N is the bound and there are more.
	AtLeast bool
}

// Open reads the file at path, or standard input for "-", and judges it.
//
// What the user can mend is an [*Error]. The end of ctx ends the reading
// between two blocks of the file, with its cause; a read from a pipe that has
// nothing to give is not interrupted by it.
func Open(ctx context.Context, path string, opts Options) (*Manifest, error) {
	m := &Manifest{Name: path}
	if path == "-" {
		m.Name = "standard input"
	}
	if err := m.open(ctx, path, opts); err != nil {
		_ = m.Close()
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
	m.keep = opts.Keep
	if m.selector, err = m.newSelector(opts.Select); err != nil {
		return err
	}
	return m.scan(ctx)
}

// openText opens the file and finds out how it is written.
func (m *Manifest) openText(ctx context.Context, path string, opts Options) error {
	file, err := m.openFile(ctx, path, opts)
	if err != nil {
		return err
	}
	if m.sealed, err = seal(ctx, m.Name, file); err != nil {
		return err
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

// Close closes the file. Readings end with an error from then on.
func (m *Manifest) Close() error {
	var err error
	if m.sealed != nil {
		err = m.sealed.file.Close()
	}
	return errors.Join(err, m.removeSpooled())
}

func validDelimiter(r rune) bool {
	return r != '"' && r != '\r' && r != '\n' && r != utf8.RuneError && utf8.ValidRune(r)
}
