// Package output decides which files may be written, and holds the lock.
package output

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

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/report"
)

// Set are the files that a command writes, and those that it must not touch.
// It is the one place that decides whether a file may be created, replaced, added
// to or removed: only by what the file is, never by its name alone, and never
// when it is an input or another output as well, by whatever link.
type Set struct {
	inputs []os.FileInfo
	stdout os.FileInfo // nil when it is no file
	files  []*File
}

// An File is a file that a command writes.
type File struct {
	Kind report.Kind
	Path string
	Flag string // by which another file is named
	// Replaces says that a file of this kind that is there may be replaced, or
	// used.
	Replaces bool
	// Advice is what to do when it is there and may not.
	Advice string
}

// KindLock is the kind of a lock, which says who holds it, or nothing.
const KindLock report.Kind = "lock file"

// lockHead is what a lock says.
var lockHead = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^process \d+ on .*, since \d{4}-\d\d-\d\dT\S+, report `)
})

// KindOf is the kind of a file that begins like this.
func KindOf(head []byte) report.Kind {
	if lockHead().Match(head) {
		return KindLock
	}
	return report.KindOf(head)
}

// NewSet knows the inputs of a command, of which "-" is standard input.
func NewSet(stdin io.Reader, stdout io.Writer, inputs ...string) *Set {
	s := &Set{stdout: statFile(stdout)}
	for _, path := range inputs {
		info, err := os.Stat(path)
		if path == "-" {
			info, err = statFile(stdin), nil
		}
		if info != nil && err == nil {
			s.inputs = append(s.inputs, info)
		}
	}
	return s
}

// statFile describes the regular file behind a stream; nil when there is none.
func statFile(stream any) os.FileInfo {
	if checked, ok := stream.(interface{ Unwrap() io.Writer }); ok {
		stream = checked.Unwrap()
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

// Add adds an output, if it is wanted at all, and returns it.
func (s *Set) Add(o File) *File {
	if o.Path != "" {
		s.files = append(s.files, &o)
	}
	return &o
}

// Check reports, before anything is done, what is wrong with any output. Of
// metrics only what the command line is to blame for counts: whatever else keeps
// them from being written must not keep the job from being done.
func (s *Set) Check() error {
	if s.stdout != nil && s.isInput(s.stdout) {
		return errors.New("cannot write standard output: it is the input; name another file")
	}
	for _, o := range s.files {
		err := s.MayWrite(o)
		if o.Kind == report.KindMetrics && s.clash(o) == "" {
			continue
		}
		if err != nil {
			return err
		}
		switch o.Kind {
		case report.KindMetrics, report.KindJournal, KindLock:
		default:
			if err := probe(filepath.Dir(o.Path)); err != nil {
				return o.CannotWrite(err)
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

// MayWrite reports why an output must not be written, added to or removed. It is
// asked before the work and once more before it is done.
func (s *Set) MayWrite(o *File) error {
	info, err := os.Lstat(o.Path)
	absent := errors.Is(err, fs.ErrNotExist)
	if err != nil && !absent {
		return o.CannotWrite(err)
	}
	if what := s.clash(o); what != "" {
		return o.refused("it is "+what, "name another file with "+o.Flag)
	}
	switch {
	case absent:
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return o.refused("it is a symbolic link", "name the file itself with "+o.Flag)
	case !info.Mode().IsRegular():
		return o.CannotWrite(errors.New("it is not a regular file"))
	}
	file, err := report.OpenFile(o.Path, os.O_RDONLY)
	if err != nil {
		return o.CannotWrite(err)
	}
	defer file.Close()
	return o.check(file)
}

// check reports why a file that is there must not be written: it is not what
// the output is, or is not to be replaced.
func (o *File) check(file *os.File) error {
	opened, err := file.Stat()
	if err != nil {
		return o.CannotWrite(err)
	}
	if named, err := os.Lstat(o.Path); err != nil || !os.SameFile(named, opened) {
		return o.refused("it was replaced", "name another file with "+o.Flag)
	}
	kind := o.Kind
	if opened.Size() > 0 { // nothing is lost with an empty file, whatever it is
		head := make([]byte, report.KindHead)
		n, err := file.ReadAt(head, 0)
		if err != nil && err != io.EOF {
			return o.CannotWrite(err)
		}
		kind = KindOf(head[:n])
	}
	switch {
	case kind != o.Kind && !(isView(kind) && isView(o.Kind)):
		return o.refused(fmt.Sprintf("it is not a %s of imsrevoke", o.Kind), "name another file with "+o.Flag)
	case !o.Replaces:
		return o.refused("it already exists", o.Advice)
	}
	return nil
}

// isView reports whether a file is one of the forms of a report that can be made
// of it again.
func isView(kind report.Kind) bool {
	return kind == report.KindHTML || kind == report.KindJSON || kind == report.KindJSONL
}

// clash says what else an output is; empty when it is nothing else.
func (s *Set) clash(o *File) string {
	if info, err := os.Stat(o.Path); err == nil {
		if s.isInput(info) {
			return "the input"
		}
		if s.stdout != nil && os.SameFile(info, s.stdout) {
			return "standard output"
		}
	}
	for _, other := range s.files {
		if other != o && samePlace(o.Path, other.Path) {
			return "the " + string(other.Kind)
		}
	}
	return ""
}

func (s *Set) isInput(info os.FileInfo) bool {
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
	output *File
	why    error
	advice string
}

func (e *refusedOutput) Error() string {
	return fmt.Sprintf("cannot write the %s: %s: %v; %s", e.output.Kind, e.output.Path, e.why, e.advice)
}

func (e *refusedOutput) Unwrap() error { return e.why }

// Why is the reason alone.
func (e *refusedOutput) Why() error { return e.why }

func (o *File) refused(why, advice string) error {
	return &refusedOutput{o, errors.New(why), advice}
}

// CannotWrite is the error for an output that cannot be written. A lock is none
// of those whose loss has a code of its own: without it nothing is sent.
func (o *File) CannotWrite(err error) error {
	refused := &refusedOutput{o, exit.WithoutPath(err), "use " + o.Flag + " to name a file in a directory that can be written"}
	if o.Kind == KindLock {
		return refused
	}
	return exit.NotWritten(refused)
}
