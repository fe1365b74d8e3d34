package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
	"imsrevoke/report"
)

// A summary is what is told at the end of a run. Its JSON form is part of what
// users rely on.
type summary struct {
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

	tally   *report.Tally // nil when there is no report
	counts  batch.Summary
	idle    time.Duration // between the parts
	chosen  string        // what the flags chose, in words
	leftOut string        // LeftOut, in words
}

// conclude tells how a run ended, in the way that was asked for, and returns
// err for the exit code.
func (c *cli) conclude(s summary, err error, o *runOptions) error {
	s.Finished = time.Now()
	s.DurationMS = s.took().Milliseconds()
	s.Started, s.Finished = s.Started.UTC(), s.Finished.UTC()
	if s.tally != nil {
		s.Rows, s.Settled, s.Outcomes = s.tally.Rows, s.tally.Settled(), s.tally.Outcomes
		s.Verified, s.AlsoShared = s.tally.Verified, s.tally.AlsoShared
	} else {
		s.Report = ""
	}
	s.Requests, s.Throttled, s.Limit = s.counts.Requests, s.counts.Throttled, s.counts.Limit
	s.Shard, s.chosen = o.shard.String(), o.chosen()
	if pace := o.pace(); pace != batch.Unlimited {
		s.Rate = float64(pace)
	}
	s.ExitCode = c.exitCode(err)
	c.monitor.concluded(&s)
	if s.Journal != "" && s.goesOn(err) {
		s.Next = c.resumeCommand()
	}
	if err != nil {
		s.Stopped = err.Error()
	}
	if o.summary.word == "json" {
		encoder := json.NewEncoder(c.stdout)
		encoder.SetIndent("", "  ")
		if e := encoder.Encode(s); e != nil {
			advice := ""
			if s.Report != "" {
				advice = "the report is complete: " + s.Report
			}
			e = cannotWrite("the summary", "standard output", e, advice)
			if err != nil { // which says more of the run
				e = fmt.Errorf("%w\n%v", err, e)
			}
			return e
		}
	}
	if o.summary.word == "text" && (c.terminal || err != nil || s.DryRun && s.Requests > 0) {
		fmt.Fprint(c.stderr, s.text(err))
	}
	if err == nil {
		if len(s.AlsoShared) > 0 && !c.terminal {
			c.logger(o.logLevel.word, o.logFormat.word).Warn(s.AlsoShared[0].String(), "images", len(s.AlsoShared))
		}
		return nil
	}
	return &told{err}
}

// took is how long the run took, without the time between its parts.
func (s *summary) took() time.Duration { return s.Finished.Sub(s.Started) - s.idle }

// text is the summary for people.
func (s *summary) text(err error) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(plain.Line(fmt.Sprintf(format, args...)) + "\n") }
	if err != nil && !errors.Is(err, errUnsettled) {
		fmt.Fprintf(&b, "imsrevoke: stopped: %s\n", indented(err))
	}
	if s.chosen != "" && !s.DryRun {
		line("chosen: %s, of %s in the file", s.chosen, plural(s.WholeRows, "row"))
	}
	b.WriteString(s.numbers())
	var reasons []report.Reason
	if s.tally != nil {
		reasons = s.tally.Reasons()
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
		line("  %s", reasonLine(reason))
	}
	for i, image := range s.AlsoShared {
		const most = 10
		if i == most {
			line("and %s more, see the report", plural(len(s.AlsoShared)-most, "image"))
			break
		}
		line("%s", image)
	}
	if s.LeftOut > 0 {
		line("left out: %s", s.leftOut)
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
		line("page: %s", s.HTML)
	}
	if s.Next != "" {
		line("resume with: %s", s.Next)
	}
	return b.String()
}

// numbers are those of the summary, in which nothing is named.
func (s *summary) numbers() string {
	var b strings.Builder
	if s.tally != nil {
		fmt.Fprintf(&b, "%s: %s\n", plural(s.Rows, "row"), orNone(outcomes(s.Outcomes, ", ")))
	} else {
		fmt.Fprintf(&b, "%s, no report\n", plural(s.Rows, "row"))
	}
	if s.DryRun {
		b.WriteString(map[bool]string{false: "nothing was sent", true: "nothing was changed"}[s.Requests > 0])
		if n := s.Outcomes[batch.Planned]; n > 0 && s.Rate > 0 {
			pace := rate(s.Rate)
			fmt.Fprintf(&b, "; at %s the run takes about %s", &pace, pace.time(n))
		}
		b.WriteByte('\n')
	}
	if s.Requests > 0 {
		b.WriteString(requestsInWords(s.counts, s.took(), s.Parts))
	}
	if n := s.Verified; len(n) > 0 {
		fmt.Fprintf(&b, "verified: %s gone, %s still shared, %s not looked up\n",
			grouped(n[report.Gone]), grouped(n[report.StillShared]), grouped(n[""]))
	}
	return b.String()
}

// requestsInWords tells how many requests were made, in what time and how many
// parts, and what the server thought of that.
func requestsInWords(sent batch.Summary, took time.Duration, parts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s", plural(sent.Requests, "request"), roughly(took))
	if parts > 1 {
		fmt.Fprintf(&b, " and %d parts", parts)
	}
	fmt.Fprintf(&b, ", %s/s", figures(float64(sent.Requests)/took.Seconds()))
	if sent.Throttled > 0 {
		fmt.Fprintf(&b, "; throttled %s", plural(sent.Throttled, "time"))
	}
	b.WriteByte('\n')
	if sent.Limit > 0 {
		fmt.Fprintf(&b, "the server named its limit, %s/s, and the run kept to it\n", figures(sent.Limit))
	}
	return b.String()
}

// goesOn reports whether trying again may settle more rows.
func (s *summary) goesOn(err error) bool {
	if errors.Is(err, errUnsettled) {
		return s.Outcomes[batch.Failed]+s.Outcomes[batch.Unknown]+s.Outcomes[batch.Skipped] > 0
	}
	// The same command would go to the same wrong place.
	return err != nil && !errors.Is(err, batch.ErrWrongEndpoint) && !errors.Is(err, batch.ErrMisconfigured)
}

// figures is a number with no more digits than matter.
func figures(x float64) string {
	if x >= 100 {
		return grouped(int(x + 0.5))
	}
	return fmt.Sprintf("%.3g", x)
}

// reasonLine tells one reason why rows are not settled: how many, what was
// said, and where they are.
func reasonLine(r report.Reason) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", grouped(r.Rows), r.Outcome)
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

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
