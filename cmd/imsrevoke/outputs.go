package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"

	"imsrevoke/report"
)

// outputs are the files that a command writes, and those that it must not touch.
// It is the one place that decides whether a file may be created, replaced, added
// to or removed: only by what the file is, never by its name alone, and never
// when it is an input or another output as well, by whatever link.
type outputs struct {
	inputs []os.FileInfo
	stdout os.FileInfo // nil when it is no file
	files  []*output
}

// An output is a file that a command writes.
type output struct {
	kind report.Kind
	path string
	flag string // by which another file is named
	// replaces says that a file of this kind that is there may be replaced, or
	// used.
	replaces bool
	// advice is what to do when it is there and may not.
	advice string
}

// kindLock is the kind of a lock, which says who holds it, or nothing.
const kindLock report.Kind = "lock file"

// lockHead is what a lock says.
var lockHead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^process \d+ on .*, since \d{4}-\d\d-\d\dT\S+, report `)
})

// newOutputs knows the inputs of a command, of which "-" is standard input.
func (c *cli) newOutputs(inputs ...string) *outputs {
	s := &outputs{stdout: statFile(c.stdout)}
	for _, path := range inputs {
		info, err := os.Stat(path)
		if path == "-" {
			info, err = statFile(c.stdin), nil
		}
		if info != nil && err == nil {
			s.inputs = append(s.inputs, info)
		}
	}
	return s
}

// statFile describes the regular file behind a stream; nil when there is none.
func statFile(stream any) os.FileInfo {
	if checked, ok := stream.(*checkedWriter); ok {
		stream = checked.w
	}
	file, ok := stream.(*os.File)
	if !ok {
		return nil
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return info
}

// add adds an output, if it is wanted at all, and returns it.
func (s *outputs) add(o output) *output {
	if o.path != "" {
		s.files = append(s.files, &o)
	}
	return &o
}

// judge reports, before anything is done, what is wrong with any output. Of
// metrics only what the command line is to blame for counts: whatever else keeps
// them from being written must not keep the job from being done.
func (s *outputs) judge() error {
	if s.stdout != nil && s.isInput(s.stdout) {
		return errors.New("cannot write standard output: it is the input; name another file")
	}
	for _, o := range s.files {
		err := s.mayWrite(o)
		if o.kind == report.KindMetrics && s.clash(o) == "" {
			continue
		}
		if err != nil {
			return err
		}
		switch o.kind {
		case report.KindMetrics, report.KindJournal, kindLock:
		default:
			if err := probe(filepath.Dir(o.path)); err != nil {
				return o.cannotWrite(err)
			}
		}
	}
	return nil
}

// probe reports what keeps a file from being made in a directory.
func probe(dir string) error {
	file, err := os.CreateTemp(dir, ".imsrevoke-*")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// mayWrite reports why an output must not be written, added to or removed. It is
// asked before the work and once more before it is done.
func (s *outputs) mayWrite(o *output) error {
	info, err := os.Lstat(o.path)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return o.cannotWrite(err)
	}
	if what := s.clash(o); what != "" {
		return o.refused("it is "+what, "name another file with "+o.flag)
	}
	switch {
	case absent:
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return o.refused("it is a symbolic link", "name the file itself with "+o.flag)
	case !info.Mode().IsRegular():
		return o.cannotWrite(errors.New("it is not a regular file"))
	}
	file, err := report.OpenFile(o.path, os.O_RDONLY)
	if err != nil {
		return o.cannotWrite(err)
	}
	defer file.Close()
	return o.judge(file)
}

// judge reports why a file that is there must not be written: it is not what
// the output is, or is not to be replaced.
func (o *output) judge(file *os.File) error {
	opened, err := file.Stat()
	if err != nil {
		return o.cannotWrite(err)
	}
	if named, err := os.Lstat(o.path); err != nil || !os.SameFile(named, opened) {
		return o.refused("it was replaced", "name another file with "+o.flag)
	}
	kind := o.kind
	if opened.Size() > 0 { // nothing is lost with an empty file, whatever it is
		head := make([]byte, report.KindHead)
		n, err := file.ReadAt(head, 0)
		if err != nil && err != io.EOF {
			return o.cannotWrite(err)
		}
		if kind = report.KindOf(head[:n]); lockHead().Match(head[:n]) {
			kind = kindLock
		}
	}
	switch {
	case kind != o.kind && !(isView(kind) && isView(o.kind)):
		return o.refused(fmt.Sprintf("it is not a %s of imsrevoke", o.kind), "name another file with "+o.flag)
	case !o.replaces:
		return o.refused("it already exists", o.advice)
	}
	return nil
}

// isView reports whether a file is one of the forms of a report that can be made
// of it again.
func isView(kind report.Kind) bool {
	return kind == report.KindHTML || kind == report.KindJSON || kind == report.KindJSONL
}

// clash says what else an output is; empty when it is nothing else.
func (s *outputs) clash(o *output) string {
	if info, err := os.Stat(o.path); err == nil {
		if s.isInput(info) {
			return "the input"
		}
		if s.stdout != nil && os.SameFile(info, s.stdout) {
			return "standard output"
		}
	}
	for _, other := range s.files {
		if other != o && samePlace(o.path, other.path) {
			return "the " + string(other.kind)
		}
	}
	return ""
}

func (s *outputs) isInput(info os.FileInfo) bool {
	for _, input := range s.inputs {
		if os.SameFile(input, info) {
			return true
		}
	}
	return false
}

// samePlace reports whether two paths lead to the same file, there or not.
func samePlace(a, b string) bool {
	first, err := os.Stat(a)
	second, e := os.Stat(b)
	if err == nil && e == nil {
		return os.SameFile(first, second)
	}
	same := filepath.Base(a) == filepath.Base(b)
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // where case does not matter
		same = strings.EqualFold(filepath.Base(a), filepath.Base(b))
	}
	if !same {
		return false
	}
	first, err = os.Stat(filepath.Dir(a))
	second, e = os.Stat(filepath.Dir(b))
	if err != nil || e != nil {
		return filepath.Clean(a) == filepath.Clean(b)
	}
	return os.SameFile(first, second)
}

// A refusedOutput is an output that must not be written, and why.
type refusedOutput struct {
	output *output
	why    error
	advice string
}

func (e *refusedOutput) Error() string {
	return fmt.Sprintf("cannot write the %s: %s: %v; %s", e.output.kind, e.output.path, e.why, e.advice)
}

func (e *refusedOutput) Unwrap() error { return e.why }

func (o *output) refused(why, advice string) error {
	return &refusedOutput{o, errors.New(why), advice}
}

// cannotWrite is the error for an output that cannot be written. A lock is none
// of those whose loss has a code of its own: without it nothing is sent.
func (o *output) cannotWrite(err error) error {
	refused := &refusedOutput{o, withoutPath(err), "use " + o.flag + " to name a file in a directory that can be written"}
	if o.kind == kindLock {
		return refused
	}
	return recordError{refused}
}
