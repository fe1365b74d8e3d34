package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/plain"
	"imsrevoke/report"
)

// A listSummary is what is told at the end of a list. Its JSON form is part of
// what users rely on.
type listSummary struct {
	// Output is the file of the list, empty when it went to standard output, or
	// nowhere.
	Output      string   `json:"output,omitempty"`
	Endpoint    string   `json:"endpoint,omitempty"`
	Owner       string   `json:"owner,omitempty"`
	AllProjects bool     `json:"all_projects,omitempty"`
	NotIn       []string `json:"not_in,omitempty"`

	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
	DurationMS int64     `json:"duration_ms"`

	// Complete says that the list has every share that the flags choose.
	Complete bool `json:"complete"`
	// Images counts the images; it is the sum of the four numbers behind it.
	Images    int           `json:"images"`
	Read      int           `json:"lists_read"`
	NotShared int           `json:"not_shared"`
	Deleted   int           `json:"deleted"`
	Unread    []unreadImage `json:"unread"`
	// Shares counts the shares of these images, Listed those that are in the list.
	Shares int `json:"shares"`
	Listed int `json:"listed"`
	// NotForRun counts the listed shares that run does not revoke: those of members
	// that are not projects, and those whose ids cannot be part of a request.
	NotForRun int `json:"not_for_run,omitempty"`
	// Members counts the members of the listed shares by their state in Keystone,
	// NotProjects those whose id is none of a project, and NotLookedUp those whose
	// state could not be told.
	Members     map[string]int `json:"members,omitempty"`
	NotProjects int            `json:"not_project_ids,omitempty"`
	NotLookedUp int            `json:"not_looked_up,omitempty"`
	// Unused counts the entries of the allow lists that match no share.
	Unused int `json:"unused_entries,omitempty"`

	Requests  int     `json:"requests"`
	Throttled int     `json:"throttled"`
	Rate      float64 `json:"rate_per_second,omitempty"`
	Limit     float64 `json:"limit_per_second,omitempty"`

	ExitCode int `json:"exit_code"`
	// Stopped says why the list is not complete, or what was found.
	Stopped string `json:"stopped,omitempty"`

	counts   batch.Summary
	complete bool
	withheld bool // from standard output, since it is not complete
	filters  string
	received bool
	mayMiss  bool // images

	lookupFailure string
}

// An unreadImage is an image of which not all members are known.
type unreadImage struct {
	ImageID string `json:"image_id"`
	Status  int    `json:"http_status,omitempty"`
	Reason  string `json:"reason"`
}

// A listHead is what a list in JSON says of itself.
type listHead struct {
	Complete    bool          `json:"complete"`
	Endpoint    string        `json:"endpoint"`
	Owner       string        `json:"owner,omitempty"`
	AllProjects bool          `json:"all_projects,omitempty"`
	Started     time.Time     `json:"started"`
	Images      int           `json:"images"`
	Read        int           `json:"lists_read"`
	NotShared   int           `json:"not_shared"`
	Deleted     int           `json:"deleted"`
	Unread      []unreadImage `json:"unread"`
}

func (l *listing) head() listHead {
	s := &l.summary
	slices.SortFunc(s.Unread, func(a, b unreadImage) int { return cmp.Compare(a.ImageID, b.ImageID) })
	return listHead{
		Complete: s.complete, Endpoint: l.session.Endpoint().String(), Owner: l.query.Owner, AllProjects: l.options.allProjects,
		Started: l.started.UTC(), Images: s.Images, Read: s.Read, NotShared: s.NotShared, Deleted: s.Deleted, Unread: orEmpty(s.Unread),
	}
}

func orEmpty(unread []unreadImage) []unreadImage {
	if unread == nil {
		return []unreadImage{}
	}
	return unread
}

// count counts a share that is written.
func (s *listSummary) count(m batch.Member) {
	s.Listed++
	if m.Type != "" || batch.ValidateMemberID(m.ID) != nil {
		s.NotForRun++
	}
}

// conclude tells how a list ended, in the way that was asked for, and returns err
// for the exit code.
func (l *listing) conclude(err error) error {
	s, o := &l.summary, l.options
	s.Endpoint, s.Owner, s.AllProjects, s.NotIn = l.session.Endpoint().String(), l.query.Owner, o.allProjects, o.notIn
	s.Finished = time.Now()
	s.DurationMS = s.Finished.Sub(l.started).Milliseconds()
	s.Started, s.Finished = l.started.UTC(), s.Finished.UTC()
	s.Complete, s.Unread = s.complete, orEmpty(s.Unread)
	s.Requests, s.Throttled, s.Limit = s.counts.Requests, s.counts.Throttled, s.counts.Limit
	if pace := o.pace(); pace != batch.Unlimited {
		s.Rate = float64(pace)
	}
	if s.complete && l.images == nil { // else some may match what was not looked at
		for _, list := range l.allowed {
			s.Unused += list.Unused()
		}
	}
	s.filters, s.received = o.filters(), o.received
	s.mayMiss = !l.seesAll && l.found != nil
	s.ExitCode = l.exitCode(err)
	if err != nil {
		s.Stopped = err.Error()
	}
	l.monitor.listed(s)
	if o.summary.word == "json" {
		encoder := json.NewEncoder(l.stdout)
		encoder.SetIndent("", "  ")
		if e := encoder.Encode(s); e != nil {
			return errors.Join(err, cannotWrite("the summary", "standard output", e, ""))
		}
	} else if l.terminal || err != nil {
		fmt.Fprint(l.stderr, s.text(err))
	}
	if err != nil {
		return &told{err}
	}
	return nil
}

// filters tells what the flags choose, empty when that is all.
func (o *listOptions) filters() string {
	words := []string{}
	if chosen := o.chosen(); chosen != "" {
		words = append(words, chosen)
	}
	if len(o.statuses.list) > 0 {
		words = append(words, "status "+o.statuses.String())
	}
	if !o.sharedBefore.IsZero() {
		words = append(words, "first shared before "+o.sharedBefore.String())
	}
	if o.gone {
		words = append(words, "with projects that are gone")
	}
	if len(o.notIn) > 0 {
		words = append(words, "not in "+strings.Join(o.notIn, ", "))
	}
	return strings.Join(words, ", ")
}

// text is the summary for people.
func (s *listSummary) text(err error) string {
	var b strings.Builder
	if err != nil && !errors.Is(err, errFound) && !errors.Is(err, errIncomplete) {
		fmt.Fprintf(&b, "imsrevoke: stopped: %s\n", indented(err))
	}
	if s.Images > 0 || err == nil {
		b.WriteString(s.numbers())
	}
	if s.filters != "" && s.Images > 0 {
		fmt.Fprintf(&b, "listed: %s (%s)\n", plural(s.Listed, "share"), s.filters)
	}
	if s.Unused > 0 {
		fmt.Fprintf(&b, "%s of the allow lists %s no share\n", entries(s.Unused), matches(s.Unused))
	}
	if len(s.Members) > 0 {
		var words []string
		for _, state := range memberStates() {
			if n := s.Members[state]; n > 0 {
				words = append(words, grouped(n)+" "+state)
			}
		}
		fmt.Fprintf(&b, "members in Keystone: %s\n", strings.Join(words, ", "))
	}
	if s.NotProjects > 0 {
		fmt.Fprintf(&b, "%s; names are not looked up\n", areNot(s.NotProjects))
	}
	if s.NotLookedUp > 0 {
		fmt.Fprintf(&b, "%s could not be looked up: %s\n", plural(s.NotLookedUp, "member"), s.lookupFailure)
	}
	if s.received && s.Listed > 0 {
		b.WriteString("a member cannot revoke its own shares; send each owner its part of the list\n")
	}
	if s.NotForRun > 0 {
		fmt.Fprintf(&b, "run cannot revoke %s of them: the member is an account or an organization, or its id cannot be part of a request\n", grouped(s.NotForRun))
	}
	if s.mayMiss {
		b.WriteString("these credentials may not see all of the images; use those of an admin\n")
	}
	for i, image := range s.Unread {
		const most = 1000
		if i == most {
			fmt.Fprintf(&b, "and %s more, see --summary json\n", plural(len(s.Unread)-most, "image"))
			break
		}
		fmt.Fprintf(&b, "not read: %s\n", plain.Line(image.String()))
	}
	switch {
	case s.withheld:
		b.WriteString("the list is not complete, so nothing was written to standard output; run it again, or write what was found with --allow-partial\n")
	case s.Output != "" && !s.complete:
		fmt.Fprintf(&b, "incomplete list: %s\n", s.Output)
	case s.Output != "":
		fmt.Fprintf(&b, "list: %s\n", s.Output)
	}
	return b.String()
}

func (u unreadImage) String() string {
	if u.Status == 0 {
		return fmt.Sprintf("%s: %s", u.ImageID, u.Reason)
	}
	return fmt.Sprintf("%s: %d: %s", u.ImageID, u.Status, u.Reason)
}

func matches(n int) string {
	if n == 1 {
		return "matches"
	}
	return "match"
}

// numbers are those of the summary, in which nothing is named.
func (s *listSummary) numbers() string {
	var b strings.Builder
	if s.received {
		fmt.Fprintf(&b, "%s shared with the project", plural(s.Images, "image"))
	} else {
		fmt.Fprintf(&b, "%s of %s; %s read", plural(s.Shares, "share"), plural(s.Images, "image"), plural(s.Read, "member list"))
	}
	switch {
	case s.NotShared == 1:
		b.WriteString("; 1 image is not shared now (earlier members, if any, cannot be seen)")
	case s.NotShared > 1:
		fmt.Fprintf(&b, "; %s are not shared now (earlier members, if any, cannot be seen)", plural(s.NotShared, "image"))
	}
	if s.Deleted > 0 {
		fmt.Fprintf(&b, "; %s deleted meanwhile", grouped(s.Deleted))
	}
	if n := len(s.Unread); n > 0 {
		fmt.Fprintf(&b, "; %s not read", grouped(n))
	}
	b.WriteByte('\n')
	b.WriteString(requestsInWords(s.counts, s.Finished.Sub(s.Started), 1))
	return b.String()
}

// listEnd is how a list ended, in words that hold nothing of it.
func listEnd(code int, err error) string {
	switch {
	case code == exitSettled:
		return "the list is complete"
	case code == exitUnsettled:
		return errFound.Error()
	case errors.Is(err, errIncomplete):
		return errIncomplete.Error()
	}
	return shortReason(err).Error()
}

// listCounts are the numbers for the metrics.
func (s *listSummary) listCounts() *report.ListCounts {
	return &report.ListCounts{
		Images: map[report.ImageState]int{
			report.ImageRead: s.Read, report.ImageNotShared: s.NotShared, report.ImageDeleted: s.Deleted, report.ImageUnread: len(s.Unread),
		},
		Shares: s.Shares, Listed: s.Listed, Unused: s.Unused,
	}
}

// listed takes the summary of a list.
func (m *monitor) listed(s *listSummary) {
	if m != nil {
		m.list = s
	}
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return grouped(n) + " entries"
}

func areNot(n int) string {
	if n == 1 {
		return "1 member is not a project id"
	}
	return plural(n, "member") + " are not project ids"
}
