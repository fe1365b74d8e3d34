// Package list is a job from the cloud to a list of shares.
package list

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/cmd/internal/exit"
	"imsrevoke/cmd/internal/job"
	"imsrevoke/cmd/internal/notify"
	"imsrevoke/cmd/internal/output"
	"imsrevoke/cmd/internal/ui"
	"imsrevoke/report"
)

// Options say what is listed.
type Options struct {
	Output       job.Output
	Format       report.Format
	AllowPartial bool

	// What is listed.
	Owner       string
	AllProjects bool
	Received    bool
	Names, Gone bool

	// What is chosen.
	Selection    job.Selection
	Statuses     []string // empty: all
	SharedBefore time.Time
	NotIn        []string
	AllowEmpty   bool

	Limits     job.Limits
	Connection job.Connection
	Display    job.Display
	Monitoring notify.Targets
}

// A listing is one list that is made. It is a [batch.Inventory].
type listing struct {
	*job.Environment
	options *Options
	session *cloud.Session
	outputs *output.Set
	// listFile is the file of a complete list, partialFile that of another; nil
	// without --output.
	listFile, partialFile *output.File
	allowed               []*manifest.AllowList
	images, members       map[string]bool // chosen, by key; nil for all
	project               string          // of the credentials
	// seesAll says that there is reason to believe that the credentials see every
	// image that is asked for, and all of its members: the images are the project's
	// own, the credentials an admin's, or something was seen that others do not
	// see. doubtful are the images whose member lists rely on it.
	seesAll  bool
	doubtful []string
	query    batch.ImageQuery

	directory *directory // nil unless members are looked up

	started time.Time
	bar     *ui.Progress
	store   *report.ShareStore
	storing error           // why the store cannot keep more
	found   []batch.Image   // with members to be listed
	done    []bool          // of found: the member list was read, or cannot be
	missing map[string]bool // the chosen images that were not found, by key
	summary ui.ListSummary
}

// Run is the verb list.
func Run(ctx context.Context, e *job.Environment, o *Options) error {
	l := &listing{
		Environment: e, options: o, bar: &ui.Progress{},
		images: batch.KeySet(o.Selection.Images, batch.ImageKey), members: batch.KeySet(o.Selection.Members, batch.MemberKey),
	}
	l.summary.States = memberStates()
	if err := l.nameFiles(); err != nil {
		return err
	}
	if err := l.openAllowLists(ctx); err != nil {
		return err
	}
	l.missing = maps.Clone(l.images)
	var err error
	if l.session, err = o.Connection.Connect(ctx, e); err != nil {
		return err
	}
	if l.query.Owner, err = l.chosenOwner(); err != nil {
		return err
	}
	l.query.Received = o.Received
	l.seesAll = o.Received || l.owns(l.query.Owner) || l.session.HasRole("admin")
	if o.Names || o.Gone {
		if l.directory, err = l.openDirectory(ctx); err != nil {
			return err
		}
	}
	dir := os.TempDir()
	if o.Output.Report != "" {
		dir = filepath.Dir(o.Output.Report)
	}
	if l.store, err = report.NewShareStore(dir); err != nil {
		return exit.CannotWrite("the list", cmp.Or(o.Output.Report, dir), err, otherOutput)
	}
	defer l.store.Close()
	return l.execute(ctx)
}

// otherOutput is what to do about a list that cannot be written.
const otherOutput = "use --output to name a file in a directory that can be written"

// PartialEnding is the end of the name of a list that is not complete.
const PartialEnding = ".partial"

// nameFiles refuses to touch what is not ours.
func (l *listing) nameFiles() error {
	o := l.options
	l.outputs = output.NewSet(l.Stdin, l.Stdout, o.NotIn...)
	if path := o.Output.Report; path != "" {
		l.listFile = l.outputs.Add(output.File{Kind: report.KindList, Path: path, Flag: "--output", Replaces: o.Output.Overwrite, Advice: "name another file with --output, or replace it with --overwrite"})
		l.partialFile = l.outputs.Add(output.File{Kind: report.KindList, Path: path + PartialEnding, Flag: "--output", Replaces: true})
	}
	metrics := l.outputs.Add(output.File{Kind: report.KindMetrics, Path: o.Monitoring.Metrics, Flag: "--metrics", Replaces: true})
	l.Monitor.GuardMetrics(func() error { return l.outputs.MayWrite(metrics) })
	return l.outputs.Check()
}

// openAllowLists reads the files of --not-in.
func (l *listing) openAllowLists(ctx context.Context) error {
	for _, path := range l.options.NotIn {
		list, err := manifest.OpenAllowList(ctx, path, manifest.Options{Stdin: l.Input(ctx)})
		if err != nil {
			return err
		}
		if list.Entries == 0 && !l.options.AllowEmpty {
			return exit.WithHint(fmt.Errorf("%s: the allow list has no entries, so every share would be listed", list.Name), "if that is what you want, add --allow-empty")
		}
		l.allowed = append(l.allowed, list)
	}
	return nil
}

// chosenOwner is the project whose images are listed, empty for all.
func (l *listing) chosenOwner() (string, error) {
	l.project, _ = l.session.Project()
	switch o := l.options; {
	case l.project == "" && (o.AllProjects || o.Received):
		return "", exit.WithHint(fmt.Errorf("the project of the %s is not known", l.session.Method()), "set OS_PROJECT_ID")
	case o.AllProjects, o.Received:
		return o.Owner, nil
	case o.Owner == "" && l.project == "":
		return "", exit.WithHint(fmt.Errorf("the project of the %s is not known", l.session.Method()), "set OS_PROJECT_ID, or --owner")
	default:
		return cmp.Or(o.Owner, l.project), nil
	}
}

// owns reports whether a project is that of the credentials.
func (l *listing) owns(project string) bool {
	return l.project != "" && strings.EqualFold(project, l.project)
}

func (l *listing) execute(ctx context.Context) error {
	l.Underway.Start("")
	l.Monitor.Start(ctx)
	l.started = time.Now()
	l.ShowNotes(l.Warnings())
	if l.Terminal {
		fmt.Fprintln(l.Stderr, "Reading the image list")
	}
	api, closeAPI := job.OpenAPI(l.session, l.options.Limits.Workers)
	defer closeAPI()
	counts, stopped := l.options.Limits.Watched(l.options.Limits.Rate, l.session, l.Log, l.bar).List(ctx, l.query, api, l)
	l.bar.Finish()
	l.summary.Counts = counts
	switch {
	case errors.Is(stopped, exit.ErrSeesAll):
		stopped = exit.ErrSeesAll
	case errors.Is(stopped, batch.ErrRecorder):
		stopped = exit.CannotWrite("the list", cmp.Or(l.options.Output.Report, "standard output"), l.storing, otherOutput)
	}
	for i, image := range l.found {
		if !l.done[i] {
			l.unread(image.ID, 0, "the run stopped before its member list was read")
		}
	}
	if l.found != nil {
		for key := range l.missing {
			l.summary.Images++
			l.unread(key, 0, "it is not among the images that are listed")
		}
	}
	if l.seesAll {
		l.summary.Read += len(l.doubtful)
	} else {
		for _, id := range l.doubtful {
			l.unread(id, 0, "these credentials may not see all members of the image")
		}
	}
	if l.directory != nil && l.found != nil && !errors.Is(stopped, exit.ErrRecord) {
		l.directory.lookUp(ctx, l)
	}
	l.summary.Complete = stopped == nil && l.seesAll && len(l.summary.Unread) == 0 && (!l.options.Gone || l.summary.NotLookedUp == 0)
	if l.found == nil && stopped != nil { // there is nothing to write
		return l.conclude(stopped)
	}
	if err := l.write(); err != nil {
		return l.conclude(errors.Join(stopped, err))
	}
	switch {
	case stopped != nil:
	case !l.summary.Complete:
		stopped = exit.ErrIncomplete
	case (len(l.allowed) > 0 || l.options.Gone) && l.summary.Listed > 0:
		stopped = exit.ErrFound
	}
	return l.conclude(stopped)
}

// Images takes the images that there are, and says which of them have members. The
// images of a second call are those that changed while the list was read.
func (l *listing) Images(images []batch.Image) ([]batch.Image, error) {
	found := images[:0]
	for _, image := range images {
		key := batch.ImageKey(image.ID)
		delete(l.missing, key)
		if l.images != nil && !l.images[key] {
			continue
		}
		l.summary.Images++
		l.seesAll = l.seesAll || image.Private && !l.owns(image.Owner)
		if image.Unshared {
			l.summary.NotShared++
			continue
		}
		found = append(found, image)
	}
	slices.SortFunc(found, func(a, b batch.Image) int { return cmp.Compare(a.ID, b.ID) })
	first := l.found == nil
	if first {
		l.found = make([]batch.Image, 0, len(found))
	}
	l.found, l.done = append(l.found, found...), append(l.done, make([]bool, len(found))...)
	switch {
	case l.options.Received:
		return nil, l.receive()
	case first:
		if l.Terminal {
			fmt.Fprintf(l.Stderr, "%s\n", l.cost())
		}
		l.bar.Start(l.Console, l.options.Display.Progress, "", len(l.found))
	default:
		l.bar.More(len(found))
	}
	return found, nil
}

// cost says what reading the member lists takes.
func (l *listing) cost() string {
	text := fmt.Sprintf("%s: %s", ui.Plural(l.summary.Images, "image"), ui.Plural(len(l.found), "member list"))
	if pace := l.options.Limits.Rate; pace != batch.Unlimited && len(l.found) > 0 {
		text += fmt.Sprintf(", at %s about %s", pace, pace.Time(len(l.found)))
	}
	return text
}

// List takes what was found of one image.
func (l *listing) List(list batch.MemberList) error {
	s, image := &l.summary, list.Image
	l.done[list.Number] = true
	undated := 0
	chosen := list.Members[:0]
	for _, m := range list.Members {
		s.Shares++
		switch yes, dated := l.chooses(image, m); {
		case !dated:
			undated++
		case yes:
			chosen = append(chosen, m)
		}
	}
	switch {
	case list.Answer.Meaning == batch.NoSuchImage:
		s.Deleted++
	case list.Answer.Meaning == batch.NotShared:
		s.NotShared++
	case list.Gap != "":
		l.unread(image.ID, list.Answer.Status, list.Gap)
	case list.OwnOnly && !l.owns(image.Owner):
		l.doubtful = append(l.doubtful, image.ID)
	case undated > 0:
		l.unread(image.ID, list.Answer.Status, fmt.Sprintf("the server gives no date for %s", ui.Plural(undated, "member")))
	default:
		s.Read++
		l.seesAll = l.seesAll || len(list.Members) > 0 && !list.OwnOnly && !l.owns(image.Owner)
	}
	l.bar.Step(ui.Plural(s.Shares, "share"))
	if len(chosen) == 0 {
		return nil
	}
	if l.directory != nil {
		l.directory.note(chosen)
	}
	slices.SortFunc(chosen, func(a, b batch.Member) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Type, b.Type)) })
	l.storing = l.store.Put(list.Number, chosen)
	return l.storing
}

// chooses reports whether the flags choose a share, and whether that can be told.
func (l *listing) chooses(image batch.Image, m batch.Member) (yes, dated bool) {
	covered := len(l.allowed) > 0 && l.why(image, m) == "" // asked of each share, so that unused entries can be counted
	switch before := l.options.SharedBefore; {
	case covered,
		l.members != nil && !l.members[batch.MemberKey(m.ID)] && !l.members[batch.MemberKey(report.MemberCell(m.ID))],
		len(l.options.Statuses) > 0 && !slices.Contains(l.options.Statuses, m.Status):
		return false, true
	case before.IsZero():
		return true, true
	default:
		return m.SharedAt.Before(before), !m.SharedAt.IsZero()
	}
}

// why says why no allow list covers a share; it is empty if one does.
func (l *listing) why(image batch.Image, m batch.Member) string {
	whys := make([]manifest.Why, 0, len(l.allowed))
	for _, list := range l.allowed { // each of them, so that each knows which of its entries match
		whys = append(whys, list.Why(l.started, image.ID, memberType(m), m.ID, report.MemberCell(m.ID)))
	}
	return slices.MinFunc(whys, func(a, b manifest.Why) int { return a.Compare(b) }).String()
}

// memberType is the word for the type of a member.
func memberType(m batch.Member) string { return cmp.Or(string(m.Type), "project") }

func (l *listing) unread(imageID string, status int, reason string) {
	l.summary.Unread = append(l.summary.Unread, ui.UnreadImage{ImageID: imageID, Status: status, Reason: reason})
}

// write writes the list to where it belongs.
func (l *listing) write() error {
	s := &l.summary
	list := &report.ShareList{Format: l.options.Format, Names: l.directory != nil, Why: len(l.allowed) > 0, Shares: l.shares, Head: l.head()}
	keep := s.Complete || l.options.AllowPartial
	switch {
	case l.options.Output.Report != "":
		file := l.listFile
		if !keep {
			file = l.partialFile
		}
		if err := l.outputs.MayWrite(file); err != nil {
			return err
		}
		if err := list.WriteFile(file.Path); err != nil {
			return exit.CannotWrite("the list", file.Path, err, otherOutput)
		}
		s.Output = file.Path
	case keep:
		if err := list.Write(l.Stdout); err != nil {
			return exit.CannotWrite("the list", "standard output", err, "")
		}
	default:
		s.Withheld = true
		return list.Write(io.Discard) // which counts
	}
	return nil
}

// shares are the rows of the list, sorted by image and member.
func (l *listing) shares(yield func(*report.Share, error) bool) {
	order := make([]int, len(l.found))
	for i := range order {
		order[i] = i
	}
	if !l.options.Received { // those are sorted by their owners
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(l.found[a].ID, l.found[b].ID) })
	}
	for _, i := range order {
		image := l.found[i]
		members, err := l.store.Get(i)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, m := range members {
			s := &report.Share{
				ImageID: image.ID, MemberID: m.ID, MemberType: memberType(m), Status: m.Status,
				ImageName: image.Name, ImageOwner: image.Owner, ImageStatus: image.Status, Hidden: image.Hidden,
				FirstSharedAt: m.SharedAt, StatusChangedAt: m.ChangedAt,
			}
			if len(l.allowed) > 0 {
				s.Why = l.why(image, m)
			}
			if l.directory != nil {
				info := l.directory.of(m)
				if l.options.Gone && info.state != stateGone {
					continue
				}
				s.MemberName, s.MemberDomain, s.MemberState = info.name, info.domain, info.state
			}
			l.summary.Add(m)
			if !yield(s, nil) {
				return
			}
		}
	}
}

func (l *listing) head() ui.ListHead {
	s := &l.summary
	slices.SortFunc(s.Unread, func(a, b ui.UnreadImage) int { return cmp.Compare(a.ImageID, b.ImageID) })
	return ui.ListHead{
		Complete: s.Complete, Endpoint: l.session.Endpoint().String(), Owner: l.query.Owner, AllProjects: l.options.AllProjects,
		Started: l.started.UTC(), Images: s.Images, Read: s.Read, NotShared: s.NotShared, Deleted: s.Deleted, Unread: orEmpty(s.Unread),
	}
}

// conclude tells how a list ended, in the way that was asked for, and returns err
// for the exit code.
func (l *listing) conclude(err error) error {
	s, o := &l.summary, l.options
	s.Endpoint, s.Owner, s.AllProjects, s.NotIn = l.session.Endpoint().String(), l.query.Owner, o.AllProjects, o.NotIn
	s.Finished = time.Now()
	s.DurationMS = s.Finished.Sub(l.started).Milliseconds()
	s.Started, s.Finished = l.started.UTC(), s.Finished.UTC()
	s.Unread = orEmpty(s.Unread)
	s.Requests, s.Throttled, s.Limit = s.Counts.Requests, s.Counts.Throttled, s.Counts.Limit
	if pace := o.Limits.Rate; pace != batch.Unlimited {
		s.Rate = float64(pace)
	}
	if s.Complete && l.images == nil { // else some may match what was not looked at
		for _, list := range l.allowed {
			s.Unused += list.Unused()
		}
	}
	s.Filters, s.Received = o.filters(), o.Received
	s.MayMiss = !l.seesAll && l.found != nil
	s.ExitCode = l.ExitCode(err)
	if err != nil {
		s.Stopped = err.Error()
	}
	l.Monitor.SetSummary(s)
	if o.Display.Summary == "json" {
		if e := l.WriteJSON(s); e != nil {
			return errors.Join(err, exit.CannotWrite("the summary", "standard output", e, ""))
		}
	} else if l.Terminal || err != nil {
		l.ShowListSummary(s, err)
	}
	if err != nil {
		return exit.MarkReported(err)
	}
	return nil
}

func orEmpty(unread []ui.UnreadImage) []ui.UnreadImage {
	if unread == nil {
		return []ui.UnreadImage{}
	}
	return unread
}

// filters tells what the flags choose, empty when that is all.
func (o *Options) filters() string {
	words := []string{}
	if chosen := o.Selection.Describe(o.Limits.Rate); chosen != "" {
		words = append(words, chosen)
	}
	if len(o.Statuses) > 0 {
		words = append(words, "status "+strings.Join(o.Statuses, ","))
	}
	if !o.SharedBefore.IsZero() {
		words = append(words, "first shared before "+o.SharedBefore.Format(time.DateOnly))
	}
	if o.Gone {
		words = append(words, "with projects that are gone")
	}
	if len(o.NotIn) > 0 {
		words = append(words, "not in "+strings.Join(o.NotIn, ", "))
	}
	return strings.Join(words, ", ")
}
