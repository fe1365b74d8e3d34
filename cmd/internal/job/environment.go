package job

import (
	"log/slog"
	"sync/atomic"

	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/notify"
	"imsrevoke/cmd/internal/ui"
)

// An Environment is what a job has around it.
type Environment struct {
	*ui.Console
	// Getenv returns the variables that clouds and locks go by.
	Getenv func(string) string
	Log    *slog.Logger
	// Monitor is told how the job goes; nil when nobody watches.
	Monitor *notify.Monitor
	// Underway is told when requests may have been sent.
	Underway *Underway
	// ResumeCommand returns the command line that goes on with what this one has
	// left.
	ResumeCommand func() string
}

// ExitCode is the exit code for the end of the job.
func (e *Environment) ExitCode(err error) int { return exit.Code(err, e.Underway.Started()) }

// Underway says whether a job may have sent requests, and where it is recorded. It
// may be asked at any time.
type Underway struct{ journal atomic.Pointer[string] }

// Start says that requests may be sent from now on. journal is the file that
// records them, empty for a job that can be done again.
func (u *Underway) Start(journal string) { u.journal.Store(&journal) }

// Started reports whether requests may have been sent.
func (u *Underway) Started() bool { return u.journal.Load() != nil }

// Journal is the file that records the requests, empty if there is none.
func (u *Underway) Journal() string {
	if journal := u.journal.Load(); journal != nil {
		return *journal
	}
	return ""
}
