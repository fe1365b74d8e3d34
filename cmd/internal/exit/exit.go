// Package exit says how the program ends: the errors that decide it, and their exit
// codes.
package exit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"imsrevoke/batch"
	"imsrevoke/report"
)

// The exit codes. They are part of what users rely on.
const (
	Settled     = 0  // every row is settled
	Unsettled   = 1  // finished, at least one row is not settled
	Usage       = 2  // nothing was sent
	Stopped     = 3  // stopped early by a limit
	Credentials = 4  // the credentials are refused
	Record      = 5  // the report or the journal cannot be written, or an unknown error
	Locked      = 75 // another run holds the lock; EX_TEMPFAIL of sysexits.h
	Signal      = 128
)

// ErrUnsettled is the end of a run that was finished and left rows to be
// looked at.
var ErrUnsettled = errors.New("not every row is settled")

// ErrFound is the end of a list that is complete and has found what should not be
// there.
var ErrFound = errors.New("shares were found that should not exist")

// ErrIncomplete is the end of a list that does not have all shares.
var ErrIncomplete = errors.New("the list is not complete")

// ErrSeesAll refuses --received for credentials that see every image.
var ErrSeesAll = errors.New("these credentials see the images of all projects, as an admin does, and the Image API does not tell them which are shared with their own project; " +
	"use credentials of the project without the role admin")

// ErrLocked says that another run holds the lock.
var ErrLocked = errors.New("another run is under way")

// ErrRecord marks that something could not be written: the report, another
// output, or what standard output was to hold.
var ErrRecord = errors.New("cannot write the report")

// A recordError is an errRecord with words of its own.
type recordError struct{ error }

func (e recordError) Unwrap() error        { return e.error }
func (e recordError) Is(target error) bool { return target == ErrRecord }

// NotWritten marks an error as one of something that could not be written.
func NotWritten(err error) error { return recordError{err} }

// CannotWrite is the error for a file that could not be written. What says what
// it was to hold, advice what to do.
func CannotWrite(what, name string, cause error, advice string) error {
	return NotWritten(WithHint(fmt.Errorf("cannot write %s: %s: %w", what, name, WithoutPath(cause)), advice))
}

// WithoutPath is an error without the name of a file, which may be a temporary
// one that says nothing to the user, or was said already.
func WithoutPath(err error) error {
	if refused, ok := errors.AsType[interface {
		error
		Why() error
	}](err); ok { // a file that must not be written
		return refused.Why()
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}

// MarkReported marks an error as one that the user has been told of already.
func MarkReported(err error) error { return &reported{err} }

// IsReported reports whether the user has been told of an error already.
func IsReported(err error) bool { return errors.As(err, new(*reported)) }

type reported struct{ error }

func (t *reported) Unwrap() error { return t.error }

// Interrupted is the cause of the end of a context that a signal ended.
type Interrupted struct{ Signal syscall.Signal }

func (i Interrupted) Error() string {
	switch i.Signal {
	case syscall.SIGTERM:
		return "interrupted by SIGTERM"
	case syscall.SIGHUP:
		return "interrupted by SIGHUP"
	}
	return "interrupted by SIGINT"
}

// ends are the errors that decide how a command ends, the one that counts most
// first: a run that could not be recorded is not well described by the reason for
// which it was stopping anyway.
func ends() []end {
	return []end{
		{ErrRecord, Record}, {batch.ErrRecorder, Record},
		{batch.ErrUnauthorized, Credentials},
		{ErrLocked, Locked},
		{batch.ErrWrongEndpoint, Stopped}, {batch.ErrSameRefusal, Stopped}, {batch.ErrTooManyFailures, Stopped},
		{batch.ErrTimeBudget, Stopped}, {batch.ErrOutage, Stopped}, {batch.ErrSource, Stopped}, {batch.ErrImages, Stopped},
		{ErrIncomplete, Stopped}, {ErrSeesAll, Stopped},
		{ErrUnsettled, Unsettled}, {ErrFound, Unsettled}, {report.ErrChanged, Unsettled},
		{batch.ErrMisconfigured, Usage}, // with it nothing can be sent
	}
}

type end struct {
	err  error
	code int
}

// Code is the exit code for the end of a command. An error that is not known by its
// kind means that nothing was sent only while nothing can have been sent; afterwards
// it gets the code that promises least.
func Code(err error, sent bool) int {
	known := find(err)
	var signalled Interrupted
	switch {
	case err == nil:
		return Settled
	case errors.As(err, &signalled) && (known == nil || known.code != Record && known.code != Credentials):
		return Signal + int(signalled.Signal)
	case known != nil:
		return known.code
	case sent:
		return Record
	}
	return Usage
}

// Reason is the reason for which a command ended, without the details that are
// said once.
func Reason(err error) error {
	if known := find(err); known != nil {
		return known.err
	}
	return err
}

// find is what decides how a command ends, nil when it is not known.
func find(err error) *end {
	for _, e := range ends() {
		if errors.Is(err, e.err) {
			return &e
		}
	}
	return nil
}
