package ui

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/report"
)

// A Summary is what is told at the end of a run. Its JSON form is part of what
// users rely on.
type Summary struct {
	Input  string `json:"input"`
	Report string `json:"report,omitempty"`
	// ReportDigest is the SHA-256 of the report.
	ReportDigest string `json:"report_sha256,omitempty"`
	Journal      string `json:"journal,omitempty"`
	HTML         string `json:"html,omitempty"`
	Endpoint     string `json:"endpoint,omitempty"`
	Project      string `json:"project,omitempty"`
	DryRun       bool   `json:"dry_run"`
	// Shard is the part of the file that was taken, WholeRows how many rows the
	// whole file has; Rows and Outcomes are of those that the flags chose.
	Shard     string `json:"shard,omitempty"`
	WholeRows int    `json:"whole_rows"`
	// Digest is the SHA-256 of the rows that the flags chose, see the manifest's.
	Digest string `json:"sha256,omitempty"`
	// NotProjects counts the member ids that are not project ids.
	NotProjects int `json:"not_project_ids,omitempty"`

	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
	DurationMS int64     `json:"duration_ms"`
	// Parts is of how many runs the journal tells: this one, and those that it has
	// gone on with. Started is when the first one began, DurationMS leaves out the
	// time between them, and the requests are those of all.
	Parts int `json:"parts,omitempty"`

	Rows     int                    `json:"rows"`
	Settled  int                    `json:"settled"`
	Outcomes map[batch.Outcome]int  `json:"outcomes"`
	Verified map[report.Verdict]int `json:"verified,omitempty"`
	// AlsoShared are the images that accounts or organizations can use, too.
	AlsoShared []report.AlsoShared `json:"also_shared,omitempty"`
	Requests   int                 `json:"requests"`
	Throttled  int                 `json:"throttled"`
	// LeftOut is how many rows of a report that is undone may have been revoked
	// too, and were left as they are.
	LeftOut int `json:"left_out,omitempty"`
	// Rate is the pace of the run, in requests a second; 0 when it had none.
	Rate float64 `json:"rate_per_second,omitempty"`
	// Limit is the limit that the server has named, in requests a second.
	Limit float64 `json:"limit_per_second,omitempty"`

	// Next is the command that goes on with what is left, when it makes sense.
	Next string `json:"next,omitempty"`

	ExitCode int `json:"exit_code"`
	// Stopped says why the run ended early, or that rows are left.
	Stopped string `json:"stopped,omitempty"`

	Tally       *report.Tally `json:"-"` // nil when there is no report
	Counts      batch.Summary `json:"-"`
	Idle        time.Duration `json:"-"` // between the parts
	Chosen      string        `json:"-"` // what the flags chose, in words
	LeftOutNote string        `json:"-"` // LeftOut, in words
}

// Took is how long the run took, without the time between its parts.
func (s *Summary) Took() time.Duration { return s.Finished.Sub(s.Started) - s.Idle }

// ShowSummary shows the summary to people.
func (c *Console) ShowSummary(s *Summary, err error) {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(plain.Line(fmt.Sprintf(format, args...)) + "\n") }
	if err != nil && !errors.Is(err, exit.ErrUnsettled) {
		b.WriteString(c.complaint("imsrevoke: stopped:", err))
	}
	if s.Chosen != "" && !s.DryRun {
		line("chosen: %s, of %s in the file", s.Chosen, Plural(s.WholeRows, "row"))
	}
	b.WriteString(s.numbers())
	var reasons []report.Reason
	if s.Tally != nil {
		reasons = s.Tally.Reasons()
	}
	for i, reason := range reasons {
		const most = 10
		if i == most {
			line("  and %d other reasons, see the report", len(reasons)-most)
			break
		}
		if err != nil && reason.Message != "" && strings.HasSuffix(err.Error(), reason.Message) {
			reason.Message = "see above"
		}
		if c.Terminal {
			b.WriteString(c.wrapped(" ", reasonLine(reason), "    "))
		} else {
			line("  %s", reasonLine(reason))
		}
	}
	for i, image := range s.AlsoShared {
		const most = 10
		if i == most {
			line("and %s more, see the report", Plural(len(s.AlsoShared)-most, "image"))
			break
		}
		line("%s", image)
	}
	if s.LeftOut > 0 {
		line("left out: %s", s.LeftOutNote)
	}
	if s.Outcomes[batch.Restored] > 0 {
		line("the members find these shares pending, and have to accept them again")
	}
	if s.Report != "" {
		line("report: %s", s.Report)
		if s.ReportDigest != "" {
			line("sha256: %s", s.ReportDigest)
		}
	}
	if s.HTML != "" {
		line("HTML report: %s", s.HTML)
	}
	if s.Next != "" {
		line("resume with: %s", s.Next)
	}
	fmt.Fprint(c.Stderr, b.String())
}

// Message is what may be said of the run elsewhere: numbers, and neither ids nor
// what servers and files say.
func (s *Summary) Message() string {
	text := s.numbers()
	if s.ReportDigest != "" {
		text += fmt.Sprintf("SHA-256 of the report: %s\n", s.ReportDigest)
	}
	return text
}

// Count puts the numbers into metrics. It reports whether there are any, which is
// so when there is a report.
func (s *Summary) Count(m *report.Metrics) bool {
	if s.Tally == nil {
		return false
	}
	m.Finished, m.Duration = s.Finished, s.Took()
	m.Outcomes, m.Requests = s.Outcomes, s.Counts
	m.Unsettled, m.AlsoShared = s.Rows-s.Settled, len(s.AlsoShared)
	return true
}

// numbers are those of the summary, in which nothing is named.
func (s *Summary) numbers() string {
	var b strings.Builder
	if s.Tally != nil {
		fmt.Fprintf(&b, "%s: %s\n", Plural(s.Rows, "row"), OrNone(Outcomes(s.Outcomes, ", ")))
	} else {
		fmt.Fprintf(&b, "%s, no report\n", Plural(s.Rows, "row"))
	}
	if s.DryRun {
		b.WriteString(map[bool]string{false: "nothing was sent", true: "nothing was changed"}[s.Requests > 0])
		if n := s.Outcomes[batch.Planned]; n > 0 && s.Rate > 0 {
			pace := Rate(s.Rate)
			fmt.Fprintf(&b, "; at %s the run takes about %s", pace, pace.Time(n))
		}
		b.WriteByte('\n')
	}
	if s.Requests > 0 {
		b.WriteString(requestsInWords(s.Counts, s.Took(), s.Parts))
	}
	if n := s.Verified; len(n) > 0 {
		fmt.Fprintf(&b, "verified: %s gone, %s still shared, %s not looked up\n",
			Number(n[report.Gone]), Number(n[report.StillShared]), Number(n[""]))
	}
	return b.String()
}

// requestsInWords tells how many requests were made, in what time and how many
// parts, and what the server thought of that.
func requestsInWords(sent batch.Summary, took time.Duration, parts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s", Plural(sent.Requests, "request"), Duration(took))
	if parts > 1 {
		fmt.Fprintf(&b, " and %d parts", parts)
	}
	fmt.Fprintf(&b, ", %s/s", figures(float64(sent.Requests)/took.Seconds()))
	if sent.Throttled > 0 {
		fmt.Fprintf(&b, "; throttled %s", Plural(sent.Throttled, "time"))
	}
	b.WriteByte('\n')
	if sent.Limit > 0 {
		fmt.Fprintf(&b, "the server named its limit, %s/s, and the run kept to it\n", figures(sent.Limit))
	}
	return b.String()
}

// MayResume reports whether trying again may settle more rows.
func (s *Summary) MayResume(err error) bool {
	if errors.Is(err, exit.ErrUnsettled) {
		return s.Outcomes[batch.Failed]+s.Outcomes[batch.Unknown]+s.Outcomes[batch.Skipped] > 0
	}
	// The same command would go to the same wrong place.
	return err != nil && !errors.Is(err, batch.ErrWrongEndpoint) && !errors.Is(err, batch.ErrMisconfigured)
}

// reasonLine tells one reason why rows are not settled: how many, what was
// said, and where they are.
func reasonLine(r report.Reason) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", Number(r.Rows), r.Outcome)
	if r.Status != 0 {
		fmt.Fprintf(&b, " (%d)", r.Status)
	}
	if r.Message != "" {
		fmt.Fprintf(&b, ": %s", r.Message)
	}
	if len(r.Lines) > 0 {
		lines := make([]string, len(r.Lines))
		for i, n := range r.Lines {
			lines[i] = fmt.Sprint(n)
		}
		word := "line"
		if r.Rows > 1 {
			word = "lines"
		}
		fmt.Fprintf(&b, " [%s %s", word, strings.Join(lines, ", "))
		if r.Rows > len(r.Lines) {
			b.WriteString(", …")
		}
		b.WriteByte(']')
	}
	return b.String()
}
