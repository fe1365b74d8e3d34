package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
)

// A fact is something that is known of the run. File stands within its value, if
// it has one. Commands are for a shell.
type fact struct {
	Name, Value, File, More string
	Code                    bool
	Kind                    kind
	Mark                    string
	Links                   []pageLink
	Commands                []string
}

// A pageLink leads to a view of the rows.
type pageLink struct{ To, Text string }

// verdict says what the run was, how it ended, what is left, and whether somebody
// looked again afterwards.
func (p *page) verdict(s *Survey, name string) []fact {
	known := []fact{p.asked(s), howEnded(s), remains(s)}
	if look, asked := lookedAgain(s, name); asked {
		known = append(known, look)
	}
	return known
}

func newFact(name string, k kind, value string) fact {
	return fact{Name: name, Kind: k, Mark: k.mark(), Value: value}
}

// asked is what the run was asked to do.
func (p *page) asked(s *Survey) fact {
	f := fact{Name: "job", Value: jobOf(s).String()}
	run := s.Run
	if run == nil {
		if f.Value == "" {
			f.Value = "not known"
			return f
		}
		f.More = " " + counted(s.Rows, "row")
		return f
	}
	f.Value, f.File, f.More = f.Value+" ", run.Input, ", "+counted(run.Rows, "row")
	if shards, merged := strings.CutPrefix(run.Shard, "/"); merged {
		f.More += fmt.Sprintf(", merged from %s shards", shards)
	} else if run.Shard != "" {
		f.More += fmt.Sprintf(", which are shard %s of it", run.Shard)
	}
	if run.WholeRows > run.Rows {
		f.More += fmt.Sprintf(" (the whole file has %s)", grouped(run.WholeRows))
	}
	return f
}

// howEnded is how the run ended.
func howEnded(s *Survey) fact {
	var f fact
	code, known := exitCode(s)
	switch {
	case s.Run == nil:
		return newFact("end", kindDoubt, "not known")
	case !s.Ended:
		return newFact("end", kindDoubt, "none: the run is under way, or was cut off")
	case s.Stopped.Reason != "":
		f = newFact("end", kindOpen, fmt.Sprintf("stopped %s UTC: %s", moment(s.Stopped.At), s.Stopped.Reason))
	default:
		f = newFact("end", kindDone, "finished")
		if n := len(s.Run.Parts); n > 0 {
			f.Value += fmt.Sprintf(" %s UTC", moment(lastEnd(s.Run.Parts)))
		} else if !s.Last.IsZero() {
			f.Value = fmt.Sprintf("finished; last row %s UTC", moment(s.Last))
		}
	}
	if known {
		f.More = fmt.Sprintf("; exit code %d", code)
	}
	if n := len(s.Run.Parts); n > 1 {
		f.Value += ", "
		f.Links = append(f.Links, pageLink{"#parts", fmt.Sprintf("in %d parts", n)})
	}
	return f
}

// lastEnd is when the last of the parts ended.
func lastEnd(parts []Part) time.Time {
	return slices.MaxFunc(parts, func(a, b Part) int { return a.Finished.Compare(b.Finished) }).Finished
}

// remains is what is left to do.
func remains(s *Survey) fact {
	left := s.Rows - s.Settled()
	if left == 0 {
		return newFact("left", kindDone, "nothing")
	}
	f := newFact("left", kindOpen, counted(left, "row")+": ")
	for _, is := range states() {
		if n := s.states[is]; n > 0 && !is.settled() {
			f.Links = append(f.Links, pageLink{outcomeView(is), grouped(n) + " " + string(is)})
		}
	}
	return f
}

// outcome is the outcome of rows in this state; empty when they have several.
func (s state) outcome() string {
	switch s {
	case stillShared:
		return ""
	case unsettledDuplicate:
		return string(batch.Duplicate)
	}
	return string(s)
}

// settled reports whether nothing is left to do for rows in this state.
func (s state) settled() bool { return s.kind() == kindDone }

// lookedAgain says whether somebody looked at the member lists after the run.
func lookedAgain(s *Survey, name string) (f fact, asked bool) {
	j, gone, there := jobOf(s), s.Verified[Gone], s.Verified[StillShared]
	switch {
	case j == jobDryRun || s.Rows == 0:
		return fact{}, false
	case j == jobCheck:
		f = newFact("checked", kindDone, "this is the check: the member lists were read")
		if s.Run != nil && len(s.Run.Parts) > 0 {
			f.Value += fmt.Sprintf(" %s to %s UTC", moment(s.Run.Parts[0].Started), lastEnd(s.Run.Parts).UTC().Format("15:04:05"))
		}
		return f, true
	case gone+there == 0:
		f = newFact("checked afterwards", kindDoubt, "no: nobody has looked since")
		if j == jobRevoke && s.Ended {
			f.Commands = []string{plain.Command("imsrevoke", "check", reportName(name))}
		}
		return f, true
	}
	unseen := fatesOf(s).shares - gone - there
	f = newFact("checked afterwards", kindDone, fmt.Sprintf("yes: %s gone, %s still shared", grouped(gone), grouped(there)))
	if unseen > 0 {
		f.Value += fmt.Sprintf(", %s not looked up", grouped(unseen))
	}
	if there+unseen > 0 {
		f.Kind, f.Mark = kindOpen, kindOpen.mark()
	}
	return f, true
}

// facts say which run it was.
func facts(s *Survey) []fact {
	run := s.Run
	if run == nil {
		return nil
	}
	by := run.User
	if run.Host != "" {
		by = strings.TrimPrefix(by+" on "+run.Host, " on ")
	}
	var known []fact
	add := func(name, value string, code bool) {
		if value != "" {
			known = append(known, fact{Name: name, Value: value, Code: code})
		}
	}
	add("by", by, false)
	add("began (UTC)", moment(run.Started), false)
	add("last row finished (UTC)", moment(s.Last), false)
	if sent := run.Sent(); sent.Requests > 0 {
		text := counted(sent.Requests, "request")
		if sent.Throttled > 0 {
			text += fmt.Sprintf(", throttled %s", counted(sent.Throttled, "time"))
		}
		if sent.Limit > 0 {
			text += fmt.Sprintf(", the server's limit was %s a second", figures(sent.Limit))
		}
		add("sent", text, false)
	}
	add("project", run.Project, true)
	add("endpoint", run.Endpoint, true)
	add("credentials", run.Credentials, false)
	add("imsrevoke", run.Version, false)
	add("ticket", run.Ticket, false)
	add("reason", run.Reason, false)
	add("approved", approved(run), false)
	add("SHA-256 of the report, as of sha256sum", run.ReportDigest, true)
	add("SHA-256 of the pairs and their lines, as of a dry run", run.Digest, true)
	return known
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

// A pagePart is one of the runs that the whole run consists of.
type pagePart struct{ Number, Began, Ended, How, Took, Requests, Throttled string }

func pageParts(s *Survey) []pagePart {
	if s.Run == nil || len(s.Run.Parts) < 2 {
		return nil
	}
	var parts []pagePart
	for i, p := range s.Run.Parts {
		told := pagePart{
			Number: fmt.Sprint(i + 1), Began: moment(p.Started), Ended: moment(p.Finished), How: "ended",
			Took: lasting(p.Finished.Sub(p.Started)), Requests: grouped(p.Requests), Throttled: grouped(p.Throttled),
		}
		if p.CutOff {
			told.How, told.Requests, told.Throttled = "cut off", "at least "+told.Requests, ""
		}
		parts = append(parts, told)
	}
	return parts
}

// busy is how long at least one part was under way.
func busy(parts []Part) (took time.Duration) {
	parts = slices.SortedFunc(slices.Values(parts), func(a, b Part) int { return a.Started.Compare(b.Started) })
	var until time.Time
	for _, p := range parts {
		from := p.Started
		if from.Before(until) {
			from = until
		}
		if p.Finished.After(from) {
			took += p.Finished.Sub(from)
			until = p.Finished
		}
	}
	return took
}

// reportName is the name of the report that a journal or a report is of.
func reportName(name string) string { return strings.TrimSuffix(name, JournalSuffix) }

// A step is something to be done about what is left.
type step struct {
	Kind          kind
	Mark, What    string
	View          string // of the rows that it is about
	Advice        string
	Commands      []string
	CommandsAfter string // what has to be known of them
}

// steps say what to do next.
func steps(s *Survey, name string) []step {
	a := adviser{survey: s, job: jobOf(s), name: name, given: make(map[string]bool)}
	a.end()
	for _, is := range states() {
		if n := s.states[is]; n > 0 && !is.settled() {
			a.rows(is, n)
		}
	}
	return a.steps
}

// An adviser collects what to do next.
type adviser struct {
	survey *Survey
	job    job
	name   string
	steps  []step
	given  map[string]bool // the commands
}

func (a *adviser) add(s step) {
	s.Mark = s.Kind.mark()
	s.Commands = slices.DeleteFunc(s.Commands, func(c string) bool {
		was := a.given[c]
		a.given[c] = true
		return was
	})
	if len(s.Commands) == 0 {
		s.CommandsAfter = ""
	}
	a.steps = append(a.steps, s)
}

// end gives the advice that follows from how the run ended.
func (a *adviser) end() {
	s := a.survey
	reason, advice := s.Stopped.Reason, ""
	for _, end := range []struct {
		why    error
		advice string
	}{
		{batch.ErrUnauthorized, "Get new credentials (a new token, or the right password or key), then resume."},
		{batch.ErrMisconfigured, "Correct the connection settings, then resume."},
		{batch.ErrWrongEndpoint, "Correct the endpoint, then start again."},
		{batch.ErrSameRefusal, "Remove the reason below first, or it stops the run again. Then resume."},
		{batch.ErrTooManyFailures, "Look at the reasons below first, or they stop the run again. Then resume."},
		{batch.ErrTimeBudget, "The time of --max-duration was spent. Resume when you are ready."},
		{batch.ErrOutage, "Wait until the server answers again, then resume."},
		{batch.ErrRecorder, "Make room for the journal, then resume."},
	} {
		if strings.HasPrefix(reason, end.why.Error()) {
			advice = end.advice
		}
	}
	switch {
	case advice != "":
	case reason != "":
		advice = "Resume when you are ready."
	case s.Run != nil && !s.Ended:
		advice = "If this run is not under way any more, resume it."
	default:
		return
	}
	if a.job == jobCheck {
		advice = strings.NewReplacer("then resume", "then check again", "Then resume", "Then check again", "Resume", "Check again").Replace(advice)
	}
	what := "Stopped: " + reason
	if reason == "" {
		what = "Not ended"
	}
	next := step{Kind: kindOpen, What: what, Advice: advice}
	if !strings.HasPrefix(reason, batch.ErrWrongEndpoint.Error()) {
		next.Commands, next.CommandsAfter = a.again()
	}
	a.add(next)
}

// rows gives the advice for the rows in a state.
func (a *adviser) rows(is state, n int) {
	next := step{Kind: is.kind(), What: grouped(n) + " " + string(is), View: outcomeView(is)}
	switch o := batch.Outcome(is); {
	case is == stillShared:
		next.Advice = "Revoke them again."
		next.Commands = a.chosen(Unsettled, jobRevoke)
	case is == unsettledDuplicate:
		next.Advice = "They follow the rows that they repeat."
	case o == batch.Shared:
		next.Advice = "These shares are there. Revoke them if they should not be."
		next.Commands = a.chosen(o, jobRevoke)
	case o == batch.Planned:
		next.Advice = "Nothing was sent. Leave out --dry-run to do it."
	case o == batch.Invalid:
		next.Advice = "Correct these rows in the file."
	case o == batch.NotFound && a.job == jobRestore:
		next.Advice = "The images are gone, or of another project. If they exist, use the credentials of the project that owns them."
		next.Commands, next.CommandsAfter = a.again()
	case o == batch.NotFound && a.job == jobCheck:
		next.Advice = "Nothing is proved. Use the credentials of the project that owns the images, then check again."
		next.Commands, next.CommandsAfter = a.again()
	case o == batch.NotFound:
		next.Advice = "The shares may still be there. Use the credentials of the project that owns the images."
		next.Commands = a.chosen(o, a.job)
	case o == batch.Denied && a.onlyStatus(o, 401):
		next.Advice = "The credentials were not accepted. Get new ones (a new token, or the right password or key)."
		next.Commands, next.CommandsAfter = a.again()
	case o == batch.Denied:
		next.Advice = "Use the credentials of the project that owns the images, with a role that allows it."
		next.Commands = a.chosen(o, a.job)
	case o == batch.Rejected:
		next.Advice = "Read what the server says below: the same request would be refused again."
	case a.job == jobCheck:
		next.Advice = "Nothing is proved. Check again."
		next.Commands, next.CommandsAfter = a.again()
	case o == batch.Failed:
		next.Advice = "Nothing was changed. Resume the run to try again."
		next.Commands, next.CommandsAfter = a.again()
	case o == batch.Unknown:
		next.Advice = "It may or may not have been done. Resume the run, which settles it."
		next.Commands, next.CommandsAfter = a.again()
	case o == batch.Skipped:
		next.Advice = "The run did not get to them. Resume it."
		next.Commands, next.CommandsAfter = a.again()
	}
	a.add(next)
}

// onlyStatus reports whether all rows with an outcome had this status.
func (a *adviser) onlyStatus(o batch.Outcome, status int) bool {
	for _, r := range a.survey.Reasons() {
		if r.Outcome == o && r.Status != status {
			return false
		}
	}
	return true
}

// again is the command that resumes the run, or checks again, and what has to be
// added to it. A run is resumed from its journal, which has all that was chosen.
func (a *adviser) again() (commands []string, after string) {
	run := a.survey.Run
	if run == nil {
		return nil, ""
	}
	const flags = "with the connection flags that the run had"
	switch report := reportName(a.name); job(run.verb()) {
	case jobRevoke:
		if strings.HasPrefix(run.Shard, "/") { // each shard has a journal of its own
			return []string{plain.Command("imsrevoke", "run", JournalName("SHARD.csv"), "--resume")}, "for the journal of each shard that has rows left, " + flags
		}
		return []string{plain.Command("imsrevoke", "run", JournalName(report), "--resume")}, flags
	case jobRestore:
		return []string{plain.Command("imsrevoke", "restore", run.Input, "--report", report, "--resume")}, "with the other flags that the run had"
	case jobCheck:
		if run.Input != "standard input" {
			return []string{plain.Command("imsrevoke", "check", run.Input, "--report", report, "--overwrite")}, "with the other flags that the check had"
		}
	}
	return nil, ""
}

// chosen are the commands that do a job for the rows that are chosen by a word of
// --only.
func (a *adviser) chosen(only batch.Outcome, j job) []string {
	if a.job == jobUnknown || j == jobRestore { // which takes whole reports
		return nil
	}
	list := strings.TrimSuffix(reportName(a.name), ".csv") + "." + string(only) + ".csv"
	return []string{
		plain.Command("imsrevoke", "report", a.name, "--only", string(only), "--output", list),
		plain.Command("imsrevoke", string(j), list),
	}
}

// outcomeView is the address of the view that lists the rows in a state.
func outcomeView(is state) string { return "#" + viewOf("outcome", string(is)) }
