package report

import (
	"fmt"
	"strings"
	"time"

	"imsrevoke/batch"
)

// What a page says in words.

// A kind is what an outcome means to somebody who looks at the page. It is a
// class of the style sheet, too.
type kind string

const (
	kindDone   kind = "done"   // settled
	kindOpen   kind = "open"   // the share may be there, and why is known
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

// mark tells the kinds apart without colour.
func (k kind) mark() string {
	return map[kind]string{kindDone: "●", kindOpen: "▲", kindDoubt: "◆", kindUnsent: "○"}[k]
}

// meaning is what a state means, and advice what is to be done about it.
func meaning(s state) (meaning, advice string) {
	switch s {
	case stillShared:
		return "a check after the run has found the share", "revoke it again with imsrevoke run"
	case unsettledDuplicate:
		return "an earlier row has the same pair and is not settled", "see the row that it repeats"
	}
	switch batch.Outcome(s) {
	case batch.Revoked:
		return "the server has revoked the share", ""
	case batch.Absent:
		return "it is proved that there is no such share", ""
	case batch.Restored:
		return "the server has shared the image again; the member has to accept it", ""
	case batch.Present:
		return "the share was there already", ""
	case batch.Duplicate:
		return "an earlier row has the same pair", ""
	case batch.Planned:
		return "a dry run: nothing was sent", "nothing was sent, it was a dry run"
	case batch.Shared:
		return "a check has found the share", "revoke it with imsrevoke run"
	case batch.NotFound:
		return "the image does not exist, or these credentials cannot see it", "the share may be there still; use the credentials of the project that owns the image"
	case batch.Denied:
		return "these credentials may not do this", "use the credentials of the project that owns the image, with a role that may do it"
	case batch.Rejected:
		return "the server has refused it for good", "see what the server says"
	case batch.Failed:
		return "the attempts are spent, and none was applied", "try again with --resume"
	case batch.Unknown:
		return "an answer was lost: it may or may not have been done", "it may or may not have been done; --resume settles it"
	case batch.Invalid:
		return "the row is no pair: nothing was sent", "correct the row in the file"
	case batch.Skipped:
		return "the run stopped before it", "go on with --resume"
	}
	return "", ""
}

// headline is the truth about results in one sentence.
func headline(s *Survey) string {
	n, settled := s.Rows, s.Settled()
	switch {
	case s.Stopped.Reason != "":
		return fmt.Sprintf("Stopped at %s: %s of %s settled. %s.", s.Stopped.At.UTC().Format("15:04:05"), grouped(settled), counted(s.Run.Rows, "row"), capital(s.Stopped.Reason))
	case !s.Ended:
		return fmt.Sprintf("The run has not ended: %s of %s rows are settled so far.", grouped(settled), grouped(s.Run.Rows))
	case n == 0:
		return "There are no rows."
	case s.Outcomes[batch.Planned] > 0:
		return fmt.Sprintf("Nothing was sent: it was a dry run of %s.", counted(n, "row"))
	case s.Outcomes[batch.Shared] == 1:
		return fmt.Sprintf("1 of %s names a share that is still there.", counted(n, "row"))
	case s.Outcomes[batch.Shared] > 0:
		return fmt.Sprintf("%s of %s name shares that are still there.", grouped(s.Outcomes[batch.Shared]), counted(n, "row"))
	case s.Verified[StillShared] > 0:
		return fmt.Sprintf("%s of %s settled: a check after the run found %s still there.", grouped(settled), counted(n, "row"), counted(s.Verified[StillShared], "share"))
	case n == 1 && settled == 1:
		return "The one row is settled: nothing is left to do."
	case n == 1:
		return "The one row is not settled."
	case settled == n:
		return fmt.Sprintf("All %s are settled: nothing is left to do.", counted(n, "row"))
	case settled == 0:
		return fmt.Sprintf("None of the %s is settled.", counted(n, "row"))
	}
	return fmt.Sprintf("%s of %s rows are settled; %s.", grouped(settled), grouped(n), left(n-settled))
}

func left(n int) string {
	if n == 1 {
		return "1 is not"
	}
	return grouped(n) + " are not"
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
	case d < 10*time.Second && d%time.Second != 0:
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

// approved says what the run had to find before it began.
func approved(run *Run) string {
	if run.Verb == "check" {
		return ""
	}
	var words []string
	if run.ExpectedDigest != "" {
		words = append(words, "the rows by their SHA-256, "+run.ExpectedDigest)
	}
	if run.ExpectedProject != "" {
		words = append(words, "the project "+run.ExpectedProject)
	}
	if words == nil {
		return "nothing was asked for: neither --expect-sha256 nor --expect-project was given"
	}
	return strings.Join(words, ", and ")
}

// parts says when the parts of a run began and ended, if there are several.
func parts(parts []Part) string {
	if len(parts) < 2 {
		return ""
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = moment(p.Started) + " to " + moment(p.Finished)
		if p.CutOff {
			words[i] += " (cut off)"
		}
	}
	return strings.Join(words, ", ")
}

// facts say which run it was.
func facts(s *Survey) []fact {
	run := s.Run
	if run == nil {
		return nil
	}
	what := map[string]string{"": "revoke the shares of", "run": "revoke the shares of", "check": "check the shares of", "restore": "restore the shares of"}[run.Verb]
	if what == "" {
		what = run.Verb
	}
	of := ", " + counted(run.Rows, "row")
	if run.Shard != "" {
		of += fmt.Sprintf(", which are shard %s of it", run.Shard)
	}
	if run.WholeRows > run.Rows {
		of += fmt.Sprintf(" (the whole file has %s)", grouped(run.WholeRows))
	}
	by := run.User
	if run.Host != "" {
		by = strings.TrimPrefix(by+" on "+run.Host, " on ")
	}
	known := []fact{{Name: "asked to", Value: what + " ", File: run.Input, More: of}}
	add := func(name, value string, code bool) {
		if value != "" {
			known = append(known, fact{Name: name, Value: value, Code: code})
		}
	}
	add("by", by, false)
	add("began (UTC)", moment(run.Started), false)
	add("parts (UTC)", parts(run.Parts), false)
	add("last row finished (UTC)", moment(s.Last), false)
	add("stopped (UTC)", moment(s.Stopped.At), false)
	add("stopped because", s.Stopped.Reason, false)
	add("project", run.Project, true)
	add("endpoint", run.Endpoint, true)
	add("credentials", run.Credentials, false)
	add("imsrevoke", run.Version, false)
	add("SHA-256 of the pairs and their lines", run.Digest, true)
	add("SHA-256 of the report", run.ReportDigest, true)
	add("ticket", run.Ticket, false)
	add("reason", run.Reason, false)
	add("approved", approved(run), false)
	return known
}
