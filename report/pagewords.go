package report

import (
	"fmt"
	"strings"
	"time"

	"imsrevoke/batch"
)

// A kind is what an outcome means to the reader of a page. It is also a class of
// the style sheet.
type kind string

const (
	kindDone   kind = "done"   // settled
	kindOpen   kind = "open"   // the share is there or may be, and why is known
	kindDoubt  kind = "doubt"  // nobody knows
	kindUnsent kind = "unsent" // nothing was sent
)

func (s state) kind() kind {
	switch o := batch.Outcome(s); {
	case o.Settled() || o == batch.Duplicate:
		return kindDone
	case o == batch.Unknown:
		return kindDoubt
	case o == batch.Invalid || o == batch.Skipped || o == batch.Planned || s == unsettledDuplicate:
		return kindUnsent
	}
	return kindOpen
}

// mark tells the kinds apart without color.
func (k kind) mark() string {
	return map[kind]string{kindDone: "●", kindOpen: "▲", kindDoubt: "◆", kindUnsent: "○"}[k]
}

// meaning is what a state means.
func meaning(s state) string {
	switch s {
	case stillShared:
		return "a check after the run has found the share"
	case unsettledDuplicate:
		return "an earlier row has the same pair and is not settled"
	}
	switch batch.Outcome(s) {
	case batch.Revoked:
		return "the server has revoked the share"
	case batch.Absent:
		return "it is proved that there is no such share"
	case batch.Restored:
		return "the server has shared the image again; the member has to accept it"
	case batch.Present:
		return "the share was there already"
	case batch.Duplicate:
		return "an earlier row has the same pair"
	case batch.Planned:
		return "a dry run: nothing was sent"
	case batch.Shared:
		return "a check has found the share"
	case batch.NotFound:
		return "the image does not exist, or these credentials cannot see it"
	case batch.Denied:
		return "these credentials may not do this"
	case batch.Rejected:
		return "the server has refused it for good"
	case batch.Failed:
		return "the attempts are spent, and none was applied"
	case batch.Unknown:
		return "an answer was lost: it may or may not have been done"
	case batch.Invalid:
		return "the row is not a pair: nothing was sent"
	case batch.Skipped:
		return "the run stopped before it"
	}
	return ""
}

// A job is what a run was asked to do.
type job string

const (
	jobRevoke  job = "run"
	jobRestore job = "restore"
	jobCheck   job = "check"
	jobDryRun  job = "dry run"
	jobUnknown job = "" // nothing says it
)

// jobOf is the job that results are of: as its run says, or else as far as the
// outcomes show it.
func jobOf(s *Survey) job {
	switch {
	case s.Outcomes[batch.Planned] > 0:
		return jobDryRun
	case s.Run != nil:
		return job(s.Run.verb())
	case s.Outcomes[batch.Restored]+s.Outcomes[batch.Present] > 0:
		return jobRestore
	case s.Outcomes[batch.Revoked]+s.Verified[Gone]+s.Verified[StillShared] > 0:
		return jobRevoke
	case s.Outcomes[batch.Shared] > 0:
		return jobCheck
	}
	return jobUnknown
}

// String says the job as the reader of a page would.
func (j job) String() string {
	switch j {
	case jobRevoke:
		return "revoke the shares of"
	case jobRestore:
		return "restore the shares of"
	case jobCheck:
		return "check the shares of"
	case jobDryRun:
		return "dry run of"
	}
	return string(j)
}

// done says what is true of the shares that are settled.
func (j job) done() string {
	switch j {
	case jobRestore:
		return "restored"
	case jobRevoke, jobCheck:
		return "gone"
	}
	return "settled"
}

// left says what is true of the shares that are not settled, and are not known to
// be there.
func (j job) left() string {
	switch j {
	case jobRestore:
		return "may be missing"
	case jobRevoke:
		return "may still be there"
	case jobCheck:
		return "could not be checked"
	}
	return "not settled"
}

// fates count what became of the rows. Shares are the rows that name one which no
// earlier row names.
type fates struct {
	shares, done, there, left, planned int
	invalid                            int
}

func fatesOf(s *Survey) fates {
	var f fates
	for is, n := range s.states {
		f.add(is, n)
	}
	return f
}

func (f *fates) add(is state, n int) {
	switch o := batch.Outcome(is); {
	case o == batch.Invalid:
		f.invalid += n
		return
	case o == batch.Duplicate || is == unsettledDuplicate:
		return
	case is == stillShared || o == batch.Shared:
		f.there += n
	case o.Settled():
		f.done += n
	case o == batch.Planned:
		f.planned += n
	default:
		f.left += n
	}
	f.shares += n
}

// headline says in a sentence or two what became of the shares.
func headline(s *Survey) string {
	f, j := fatesOf(s), jobOf(s)
	begin := ""
	switch {
	case s.Stopped.Reason != "":
		begin = fmt.Sprintf("Stopped at %s: ", s.Stopped.At.UTC().Format("15:04:05"))
	case !s.Ended:
		begin = "Not ended: "
	case s.Rows == 0:
		return "There are no rows."
	}
	return begin + f.sentence(j)
}

func (f *fates) sentence(j job) string {
	var words []string
	add := func(n int, what string) {
		if n > 0 {
			words = append(words, grouped(n)+" "+what)
		}
	}
	text := ""
	switch {
	case f.planned > 0:
		text = fmt.Sprintf("Nothing was sent: it was a dry run of %s.", counted(f.shares, "share"))
	case f.shares == 0:
		text = "No row names a share."
	case f.done == f.shares && f.shares == 1:
		text = fmt.Sprintf("The one share is %s.", j.done())
	case f.done == f.shares:
		text = fmt.Sprintf("All %s are %s.", counted(f.shares, "share"), j.done())
	case f.shares == 1:
		what := j.left()
		switch {
		case f.there == 1:
			what = "is still there"
		case j == jobUnknown:
			what = "is not settled"
		}
		text = fmt.Sprintf("The one share %s.", what)
	default:
		add(f.there, isOrAre(f.there)+" still there")
		if j == jobUnknown {
			add(f.left, isOrAre(f.left)+" not settled")
		} else {
			add(f.left, j.left())
		}
		text = fmt.Sprintf("%s of %s %s %s; %s.", grouped(f.done), counted(f.shares, "share"), isOrAre(f.done), j.done(), strings.Join(words, ", "))
	}
	switch {
	case f.invalid == 1:
		text += " 1 row is not a pair."
	case f.invalid > 1:
		text += fmt.Sprintf(" %s rows are not pairs.", grouped(f.invalid))
	}
	return text
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// exitCode is the exit code of the run, as far as it is known: its journal has that
// of a run which was stopped, and that of any other follows from its rows.
func exitCode(s *Survey) (code int, known bool) {
	switch {
	case s.Run == nil || !s.Ended:
		return 0, false
	case s.Stopped.Reason != "":
		return s.Stopped.ExitCode, s.Stopped.ExitCode > 0
	case s.Settled() == s.Rows:
		return 0, true
	}
	return 1, true
}

// counted is a number of things.
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(n) + " " + what
}

// grouped is a number with its digits in groups of three.
func grouped(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// share is a part of a whole, and is nothing or all only when that is so.
func share(part, whole int) string {
	percent := 100 * float64(part) / float64(whole)
	switch {
	case part == 0 || part == whole:
		return fmt.Sprintf("%.0f\u00a0%%", percent)
	case percent < 0.1:
		return "<\u00a00.1\u00a0%"
	case percent > 99.9:
		return ">\u00a099.9\u00a0%"
	}
	return fmt.Sprintf("%.1f\u00a0%%", percent)
}

// lasting is a duration in few figures.
func lasting(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d\u00a0ms", d.Milliseconds())
	case d < time.Minute && d%time.Second != 0:
		return fmt.Sprintf("%.1f\u00a0s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0f\u00a0s", d.Seconds())
	case d < time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d\u00a0min %d\u00a0s", d/time.Minute, d%time.Minute/time.Second), " 0\u00a0s")
	case d < 48*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d\u00a0h %d\u00a0min", d/time.Hour, d%time.Hour/time.Minute), " 0\u00a0min")
	}
	return strings.TrimSuffix(fmt.Sprintf("%d\u00a0days %d\u00a0h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour), " 0\u00a0h")
}

// moment is a time for people.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// precisely is a time as the rows have it.
func precisely(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05.000")
}

// figures is a number with no more digits than matter.
func figures(x float64) string {
	if x >= 100 {
		return grouped(int(x + 0.5))
	}
	return fmt.Sprintf("%.3g", x)
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
