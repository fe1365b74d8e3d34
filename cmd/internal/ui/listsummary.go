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

// A ListSummary is what is told at the end of a list. Its JSON form is part of
// what users rely on.
type ListSummary struct {
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
	Unread    []UnreadImage `json:"unread"`
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

	Counts   batch.Summary `json:"-"`
	Withheld bool          `json:"-"` // from standard output, since it is not complete
	Filters  string        `json:"-"` // what the flags choose, in words
	Received bool          `json:"-"`
	MayMiss  bool          `json:"-"` // images

	LookupFailure string `json:"-"`
	// States are the states of members, in the order in which they are told.
	States []string `json:"-"`
}

// An UnreadImage is an image of which not all members are known.
type UnreadImage struct {
	ImageID string `json:"image_id"`
	Status  int    `json:"http_status,omitempty"`
	Reason  string `json:"reason"`
}

// A ListHead is what a list in JSON says of itself.
type ListHead struct {
	Complete    bool          `json:"complete"`
	Endpoint    string        `json:"endpoint"`
	Owner       string        `json:"owner,omitempty"`
	AllProjects bool          `json:"all_projects,omitempty"`
	Started     time.Time     `json:"started"`
	Images      int           `json:"images"`
	Read        int           `json:"lists_read"`
	NotShared   int           `json:"not_shared"`
	Deleted     int           `json:"deleted"`
	Unread      []UnreadImage `json:"unread"`
}

// Add counts a share that is written.
func (s *ListSummary) Add(m batch.Member) {
	s.Listed++
	if m.Type != "" || batch.ValidateMemberID(m.ID) != nil {
		s.NotForRun++
	}
}

// ShowListSummary shows the summary of a list to people.
func (c *Console) ShowListSummary(s *ListSummary, err error) {
	var b strings.Builder
	if err != nil && !errors.Is(err, exit.ErrFound) && !errors.Is(err, exit.ErrIncomplete) {
		b.WriteString(c.complaint("imsrevoke: stopped:", err))
	}
	if s.Images > 0 || err == nil {
		b.WriteString(s.numbers())
	}
	if s.Filters != "" && s.Images > 0 {
		fmt.Fprintf(&b, "listed: %s (%s)\n", Plural(s.Listed, "share"), s.Filters)
	}
	if s.Unused > 0 {
		fmt.Fprintf(&b, "%s of the allow lists %s no share\n", entries(s.Unused), matches(s.Unused))
	}
	if len(s.Members) > 0 {
		var words []string
		for _, state := range s.States {
			if n := s.Members[state]; n > 0 {
				words = append(words, Number(n)+" "+state)
			}
		}
		fmt.Fprintf(&b, "members in Keystone: %s\n", strings.Join(words, ", "))
	}
	if s.NotProjects > 0 {
		fmt.Fprintf(&b, "%s; names are not looked up\n", areNot(s.NotProjects))
	}
	if s.NotLookedUp > 0 {
		fmt.Fprintf(&b, "%s could not be looked up: %s\n", Plural(s.NotLookedUp, "member"), s.LookupFailure)
	}
	if s.Received && s.Listed > 0 {
		b.WriteString("a member cannot revoke its own shares; send each owner its part of the list\n")
	}
	if s.NotForRun > 0 {
		fmt.Fprintf(&b, "run cannot revoke %s of them: the member is an account or an organization, or its id cannot be part of a request\n", Number(s.NotForRun))
	}
	if s.MayMiss {
		b.WriteString("these credentials may not see all of the images; use those of an admin\n")
	}
	for i, image := range s.Unread {
		const most = 1000
		if i == most {
			fmt.Fprintf(&b, "and %s more, see --summary json\n", Plural(len(s.Unread)-most, "image"))
			break
		}
		fmt.Fprintf(&b, "not read: %s\n", plain.Line(image.String()))
	}
	switch {
	case s.Withheld:
		b.WriteString("the list is not complete, so nothing was written to standard output; run it again, or write what was found with --allow-partial\n")
	case s.Output != "" && !s.Complete:
		fmt.Fprintf(&b, "incomplete list: %s\n", s.Output)
	case s.Output != "":
		fmt.Fprintf(&b, "list: %s\n", s.Output)
	}
	fmt.Fprint(c.Stderr, b.String())
}

func (u UnreadImage) String() string {
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
func (s *ListSummary) numbers() string {
	var b strings.Builder
	if s.Received {
		fmt.Fprintf(&b, "%s shared with the project", Plural(s.Images, "image"))
	} else {
		fmt.Fprintf(&b, "%s of %s; %s read", Plural(s.Shares, "share"), Plural(s.Images, "image"), Plural(s.Read, "member list"))
	}
	switch {
	case s.NotShared == 1:
		b.WriteString("; 1 image is not shared now (earlier members, if any, cannot be seen)")
	case s.NotShared > 1:
		fmt.Fprintf(&b, "; %s are not shared now (earlier members, if any, cannot be seen)", Plural(s.NotShared, "image"))
	}
	if s.Deleted > 0 {
		fmt.Fprintf(&b, "; %s deleted meanwhile", Number(s.Deleted))
	}
	if n := len(s.Unread); n > 0 {
		fmt.Fprintf(&b, "; %s not read", Number(n))
	}
	b.WriteByte('\n')
	b.WriteString(requestsInWords(s.Counts, s.Finished.Sub(s.Started), 1))
	return b.String()
}

// Message is what may be said of the list elsewhere: numbers.
func (s *ListSummary) Message() string { return s.numbers() }

// Count puts the numbers into metrics.
func (s *ListSummary) Count(m *report.Metrics) bool {
	m.Finished, m.Duration = s.Finished, s.Finished.Sub(s.Started)
	m.Requests = s.Counts
	m.List = &report.ListCounts{
		Images: map[report.ImageState]int{
			report.ImageRead: s.Read, report.ImageNotShared: s.NotShared, report.ImageDeleted: s.Deleted, report.ImageUnread: len(s.Unread),
		},
		Shares: s.Shares, Listed: s.Listed, Unused: s.Unused,
	}
	return true
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return Number(n) + " entries"
}

func areNot(n int) string {
	if n == 1 {
		return "1 member is not a project id"
	}
	return Plural(n, "member") + " are not project ids"
}
