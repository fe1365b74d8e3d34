package manifest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"imsrevoke/batch"
)

const maxColumns = 10_000

// A layout is the dialect of a file: its delimiter, header and id columns.
type layout struct {
	preamble  int // bytes of a line "sep=;", with its line end
	delimiter rune
	blanks    int // records of blank cells before the header
	header    []string
	line      int // of the header
	image     int // index into header; -1 if there is none
	member    int
}

// lineBase is added to the line numbers of the CSV reader to get physical ones.
func (l layout) lineBase() int {
	if l.preamble > 0 {
		return 1
	}
	return 0
}

// detectLayout chooses the delimiter with which the header has both columns.
func (m *Manifest) detectLayout(ctx context.Context, opts Options) (layout, error) {
	preamble, named, err := m.readPreamble(ctx)
	if err != nil {
		return layout{}, err
	}
	delimiters := []rune{',', ';', '\t', '|'}
	switch {
	case opts.Delimiter != 0:
		delimiters = []rune{opts.Delimiter}
	case named != 0:
		delimiters = []rune{named}
	}

	var fits []layout
	var refusals []*Error
	widest := 0
	for _, d := range delimiters {
		l := layout{preamble: preamble, delimiter: d}
		refusal, err := m.readHeader(ctx, &l, opts)
		switch {
		case err != nil:
			return layout{}, err
		case refusal == nil:
			fits = append(fits, l)
		case !errors.Is(refusal, errNoColumn) || len(l.header) > widest:
			// The widest header comes from the likeliest delimiter; a refusal of
			// another kind than a missing column says more than any of these.
			widest = max(widest, len(l.header))
			refusals = append(refusals, refusal)
		}
	}
	switch {
	case len(fits) == 1, len(fits) > 1 && len(fits[0].header) == 1: // of which all fit
		return fits[0], nil
	case len(fits) > 1:
		return layout{}, m.refuse(fits[0].line, fmt.Sprintf("the delimiter may be %q or %q", fits[0].delimiter, fits[1].delimiter),
			"choose one with --delimiter")
	}
	return layout{}, bestRefusal(refusals)
}

func bestRefusal(refusals []*Error) *Error {
	for _, kind := range []error{errNoHeader, errTwoColumns, errNoColumn} {
		for i := len(refusals) - 1; i >= 0; i-- {
			if errors.Is(refusals[i], kind) {
				return refusals[i]
			}
		}
	}
	return refusals[0]
}

// readHeader reads the header with l.delimiter, and completes l. A refusal concerns this
// delimiter only; an error is final.
func (m *Manifest) readHeader(ctx context.Context, l *layout, opts Options) (refusal *Error, err error) {
	text, err := m.text(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := text.buf.Discard(l.preamble); err != nil {
		return nil, err
	}
	reader := newCSVReader(text, l.delimiter)
	for {
		cells, err := reader.Read()
		if broken := text.broken(); err != nil && broken != nil {
			return nil, m.explain(broken, l.lineBase()+1)
		}
		if parseErr, ok := errors.AsType[*csv.ParseError](err); ok {
			return m.refuse(l.lineBase()+parseErr.StartLine, "the header cannot be read: "+quoteProblem(parseErr),
				"close every quote, and double those inside a cell"), nil
		}
		if err == io.EOF {
			return nil, m.refuse(0, "the file is empty", "it needs a header line such as image_id,member_id")
		}
		if err != nil {
			return nil, err
		}
		if !allBlank(cells) {
			l.header = cells
			break
		}
		l.blanks++
	}
	line, _ := reader.FieldPos(0)
	l.line = l.lineBase() + line
	if len(l.header) > maxColumns {
		return nil, m.refuse(l.line, fmt.Sprintf("the header has %d cells; at most %d are read", len(l.header), maxColumns),
			"leave out the columns that are not needed")
	}
	for i, name := range l.header {
		if len(name) > maxCell {
			return nil, m.refuse(l.line, fmt.Sprintf("the name of column %d holds more than %d MiB", i+1, maxCell>>20),
				"shorten it, or look for a quote that is closed too late")
		}
	}
	l.image, l.member, refusal = m.chooseColumns(l, opts)
	if hasUUID(l.header) && (refusal == nil || errors.Is(refusal, errNoColumn)) {
		refusal = m.refuse(l.line, "the file has no header: its first row holds ids",
			fmt.Sprintf("put this line above it: %s", headerFor(l.header, l.delimiter)))
		refusal.Err = errNoHeader
	}
	return refusal, nil
}

// readPreamble finds the line "sep=;" that tells Excel the delimiter, and refuses a first
// line that looks like several.
func (m *Manifest) readPreamble(ctx context.Context) (size int, delimiter rune, err error) {
	text, err := m.text(ctx)
	if err != nil {
		return 0, 0, err
	}
	line, err := text.buf.ReadSlice('\n')
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		return 0, 0, err
	}
	size = len(line)
	line = bytes.TrimRight(line, "\r\n")
	if bytes.IndexByte(line, '\r') >= 0 {
		return 0, 0, m.refuse(1, "the header contains a carriage return, but other lines end in line feeds",
			"convert it, for instance with tr '\\r' '\\n' < FILE | imsrevoke run -")
	}
	if len(line) >= 2 && line[0] == '"' && line[len(line)-1] == '"' {
		line = line[1 : len(line)-1]
	}
	if len(line) < 5 || !strings.EqualFold(string(line[:4]), "sep=") {
		return 0, 0, nil
	}
	r, n := utf8.DecodeRune(line[4:])
	if 4+n != len(line) || !validDelimiter(r) {
		return 0, 0, nil
	}
	return size, r, nil
}

func hasUUID(cells []string) bool {
	for _, c := range cells {
		if isImageID(c) {
			return true
		}
	}
	return false
}

// headerFor suggests a header line for a file without one.
func headerFor(cells []string, delimiter rune) string {
	names := make([]string, len(cells))
	image, member := slices.IndexFunc(cells, hasDashes), -1
	if image < 0 {
		image = slices.IndexFunc(cells, isImageID)
	}
	for i, c := range cells {
		names[i] = fmt.Sprintf("column%d", i+1)
		if i != image && isMemberID(c) && (member < 0 || len(c) > len(cells[member])) {
			member = i // the longest: a row number or a status could be one, too
		}
	}
	if image >= 0 {
		names[image] = "image_id"
	}
	if member >= 0 {
		names[member] = "member_id"
	}
	return strings.Join(names, string(delimiter))
}

func isImageID(cell string) bool {
	_, err := batch.ParseImageID(cell)
	return err == nil
}

func isMemberID(cell string) bool {
	_, err := batch.ParseMemberID(cell)
	return err == nil
}

// hasDashes reports whether a cell is a UUID with dashes, as image ids are and project ids
// are not.
func hasDashes(cell string) bool { return strings.Count(cell, "-") >= 4 && isImageID(cell) }

func allBlank(cells []string) bool {
	for _, c := range cells {
		if batch.TrimID(c) != "" {
			return false
		}
	}
	return true
}
