package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// ErrNoWhole says that reports are not those of all the shards of one file, each
// of them once.
var ErrNoWhole = errors.New("the reports do not add up to one of the whole file")

// A Merged is the report of a whole file that was made of those of its shards.
type Merged struct {
	*Tally
	// Run is the run of the whole file: its parts are those of all shards, and its
	// Shard is "/N" for N of them.
	Run *Run
	// Stopped says how the shards were stopped, if any was.
	Stopped Stop
}

// MergeFile writes the report of a whole file to path, of those of its shards.
// It refuses, with an error that wraps [ErrNoWhole], what it cannot prove to be
// all of it: the journals beside the reports say which shards they are, of what,
// and how many rows there must be. The file appears whole or not at all.
func MergeFile(path string, shards []*Results) (m *Merged, err error) {
	sum := sha256.New()
	err = replaceFile(path, "report", ownerOnly, func(w io.Writer) (err error) {
		m, err = merge(io.MultiWriter(w, sum), shards)
		return err
	})
	if err != nil {
		return nil, err
	}
	m.Digest = hex.EncodeToString(sum.Sum(nil))
	m.Run.ReportDigest = m.Digest
	return m, nil
}

func merge(w io.Writer, shards []*Results) (*Merged, error) {
	m := merger{out: &rowWriter{out: w}, tally: newTally()}
	var whole wholeFile
	for _, r := range shards {
		run, stop, err := shardOf(r)
		if err == nil {
			err = whole.add(part{r, *run, stop})
		}
		if err == nil {
			err = m.add(r)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := whole.complete(); err != nil {
		return nil, err
	}
	tally, err := m.merge(shards[0].Columns)
	if err != nil {
		return nil, err
	}
	run, stop := whole.run()
	return &Merged{tally, run, stop}, nil
}

// shardOf is the run of the shard that a report is of, and how it was stopped.
func shardOf(r *Results) (*Run, Stop, error) {
	if r.journal != nil {
		return nil, Stop{}, fmt.Errorf("%w: %s is a journal: name the report of that run, once it has ended", ErrNoWhole, r.Name)
	}
	survey, err := r.Survey()
	if err != nil {
		return nil, Stop{}, err
	}
	run, stop, err := r.origin(survey)
	switch {
	case errors.Is(err, errOtherJournal):
		return nil, Stop{}, fmt.Errorf("%w: %s: %w, or rows of the report are missing", ErrNoWhole, r.Name, err)
	case err != nil:
		return nil, Stop{}, fmt.Errorf("%w: %s: %w", ErrNoWhole, r.Name, err)
	case run.Shard == "":
		return nil, Stop{}, fmt.Errorf("%w: %s is not the report of a shard (--shard I/N)", ErrNoWhole, r.Name)
	case !survey.ordered:
		return nil, Stop{}, fmt.Errorf("%w: the rows of %s are not in the order of the input", ErrNoWhole, r.Name)
	}
	return run, stop, nil
}

// A part is a report, the run of which it is, and how that was stopped.
type part struct {
	*Results
	run  Run
	stop Stop
}

// maxShards bounds the number of shards, which comes from a file.
const maxShards = 1 << 20

// A wholeFile is the parts of one file that are known.
type wholeFile struct {
	parts []part // by the number of the shard
	first part
	rows  int
}

// add adds a part, or says why it does not go with those before.
func (f *wholeFile) add(p part) error {
	var shard, shards int
	if n, err := fmt.Sscanf(p.run.Shard+"\n", "%d/%d\n", &shard, &shards); n != 2 || err != nil || shard < 0 || shard >= shards || shards > maxShards {
		return fmt.Errorf("%w: %s is of the shard %q, which is not I/N", ErrNoWhole, p.Name, p.run.Shard)
	}
	if f.parts == nil {
		f.first, f.parts = p, make([]part, shards)
	}
	differs := func(what, here, there string) error {
		return fmt.Errorf("%w: %s is of %s %s, and %s is of %s", ErrNoWhole, p.Name, what, here, f.first.Name, there)
	}
	is, was := p.run, f.first.run
	is.Verb, was.Verb = cmp.Or(is.Verb, "run"), cmp.Or(was.Verb, "run")
	switch {
	case is.WholeDigest != was.WholeDigest || is.WholeRows != was.WholeRows:
		return differs("other pairs:", is.Input, was.Input)
	case is.Verb != was.Verb:
		return differs("the verb", is.Verb, was.Verb)
	case is.Endpoint != was.Endpoint:
		return differs("the endpoint", is.Endpoint, was.Endpoint)
	case is.Project != was.Project:
		return differs("the project", cmp.Or(is.Project, "(unknown)"), cmp.Or(was.Project, "(unknown)"))
	case shards != len(f.parts):
		return differs("shard", is.Shard, was.Shard)
	case !slices.Equal(p.Columns, f.first.Columns):
		return fmt.Errorf("%w: %s and %s have different columns", ErrNoWhole, p.Name, f.first.Name)
	case f.parts[shard].Results != nil:
		return fmt.Errorf("%w: %s and %s are both of shard %s", ErrNoWhole, f.parts[shard].Name, p.Name, is.Shard)
	}
	f.parts[shard] = p
	f.rows += is.Rows
	return nil
}

// complete reports what is missing.
func (f *wholeFile) complete() error {
	var missing []string
	for i, p := range f.parts {
		if p.Results == nil {
			missing = append(missing, fmt.Sprintf("%d/%d", i, len(f.parts)))
		}
	}
	switch want := f.first.run.WholeRows; {
	case len(missing) > 0:
		return fmt.Errorf("%w: no report of shard %s", ErrNoWhole, shorten(missing))
	case f.rows != want:
		return fmt.Errorf("%w: they hold %d of the %d rows of %s; were the shards filtered?", ErrNoWhole, f.rows, want, f.first.run.Input)
	}
	return nil
}

// run is the run of the whole file, which the shards are parts of, and how they
// were stopped.
func (f *wholeFile) run() (*Run, Stop) {
	run := f.first.run
	run.Shard, run.Digest, run.Rows = fmt.Sprintf("/%d", len(f.parts)), run.WholeDigest, run.WholeRows
	run.WholeDigest, run.WholeRows, run.Parts = "", 0, nil
	var stop Stop
	var users, hosts, versions, credentials []string
	for _, p := range f.parts {
		run.Parts = append(run.Parts, p.run.Parts...)
		if p.run.Started.Before(run.Started) {
			run.Started = p.run.Started
		}
		if p.stop.Reason != "" {
			stop.Reason += fmt.Sprintf("; shard %s: %s", p.run.Shard, p.stop.Reason)
		}
		if p.stop.At.After(stop.At) {
			stop.At = p.stop.At
		}
		users, hosts, versions, credentials = append(users, p.run.User), append(hosts, p.run.Host), append(versions, p.run.Version), append(credentials, p.run.Credentials)
	}
	stop.Reason = strings.TrimPrefix(stop.Reason, "; ")
	slices.SortStableFunc(run.Parts, func(a, b Part) int { return a.Started.Compare(b.Started) })
	run.User, run.Host, run.Version, run.Credentials = each(users), each(hosts), each(versions), each(credentials)
	return &run, stop
}

// each lists the words, each of them once.
func each(words []string) string {
	slices.Sort(words)
	words = slices.DeleteFunc(slices.Compact(words), func(word string) bool { return word == "" })
	if len(words) == 0 {
		return ""
	}
	return shorten(words)
}

// shorten lists some words.
func shorten(words []string) string {
	const most = 10
	text := ""
	for i, word := range words {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(words)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += word
	}
	return text
}

// A merger puts the rows of several reports into the order of their lines.
type merger struct {
	out   *rowWriter
	tally *Tally
	heads []head
}

// A head is the row of a report that comes next.
type head struct {
	*Entry
	rows Rows
	name string
}

func (m *merger) add(r *Results) error {
	rows, err := r.Rows()
	if err != nil {
		return err
	}
	m.heads = append(m.heads, head{rows: rows, name: r.Name})
	return m.advance(len(m.heads) - 1)
}

// advance takes the next row of a report, and forgets the report after its last.
func (m *merger) advance(i int) error {
	e, err := m.heads[i].rows.Next()
	if err == io.EOF {
		m.heads = slices.Delete(m.heads, i, i+1)
		return nil
	}
	m.heads[i].Entry = e
	return err
}

func (m *merger) merge(columns []string) (*Tally, error) {
	if err := m.out.header(columns); err != nil {
		return nil, err
	}
	for len(m.heads) > 0 {
		least := 0
		for i, h := range m.heads[1:] {
			switch line := m.heads[least].Row.Line; {
			case h.Row.Line == line:
				return nil, fmt.Errorf("%w: line %d is in %s and in %s", ErrNoWhole, line, m.heads[least].name, h.name)
			case h.Row.Line < line:
				least = i + 1
			}
		}
		e := m.heads[least].Entry
		m.tally.add(e)
		if err := m.out.entry(e); err != nil {
			return nil, err
		}
		if err := m.advance(least); err != nil {
			return nil, err
		}
	}
	return m.tally, nil
}
