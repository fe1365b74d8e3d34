package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/manifest"
	"imsrevoke/report"
)

const verbList = "list"

// errFound is the end of a list that is complete and has found what should not be
// there.
var errFound = errors.New("shares were found that should not exist")

// errIncomplete is the end of a list that does not have all shares.
var errIncomplete = errors.New("the list is not complete")

// listOptions are the flags of list.
type listOptions struct {
	*runOptions
	output       string
	format       choice
	allowPartial bool

	// What is listed.
	owner       string
	allProjects bool
	received    bool
	names, gone bool

	// What is chosen.
	statuses     wordList
	sharedBefore day
	notIn        []string
	allowEmpty   bool
}

func newListOptions() *listOptions {
	o := &listOptions{runOptions: newRunOptions(), statuses: wordList{words: []string{"pending", "accepted", "rejected"}}}
	o.members.parse = anyMember
	for _, format := range report.ShareFormats() {
		o.format.words = append(o.format.words, string(format))
	}
	return o
}

// anyMember takes every id that Glance can have of a member, and more.
func anyMember(id string) (string, error) {
	if _, err := batch.ParseMemberID(id); err != nil && (batch.TrimID(id) == "" || batch.Mangled(id)) {
		return "", err
	}
	return id, nil
}

func (c *cli) listCommand() *cobra.Command {
	o := newListOptions()
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the shares of your images",
		Long: `List reads the image list of a project, hidden images included, and the member
list of each image, and writes one row for each share: CSV that run, check and
--not-in read. It changes nothing.

--not-in FILE leaves out every share that FILE allows. FILE is a CSV with the column
member_id and, if it has them, image_id (empty: every image), until (a date: the
entry counts to the end of that day, UTC) and reason. An earlier list is such a
file. The column "why" says why a share is listed: "not listed" or "expired DATE".

A list that is not complete is written to FILE.partial, and not at all to standard
output, unless --allow-partial is given. The images whose members could not be read
are named on standard error.

--names asks Keystone for the name, the domain and the state of each member. --gone
lists only members whose project does not exist any more.

--received lists the images that others share with your project. A member cannot
revoke its own shares: hand the list to the owners of the images.

The exit code is 0 when the list is complete, 1 when it is complete and --not-in or
--gone has found shares, 2 when nothing was sent, 3 when the list is not complete.`,
		Example: `  imsrevoke list --output shares.csv
  imsrevoke list --member edc89b490d7d4392898e19b2deb34797 --output customer.csv
  imsrevoke list --not-in allowed.csv --output extra.csv
  imsrevoke list --not-in last-week.csv
  imsrevoke list --gone --all-projects --os-cloud admin
  imsrevoke list --received --output ours-to-use.csv
  imsrevoke list --format jsonl | jq -r .member_id | sort | uniq -c`,
		Args:              noFile,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.monitored(cmd.Context(), verbList, o.runOptions, func(c *cli) error { return c.listShares(cmd.Context(), o) })
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func noFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return withHint(fmt.Errorf("list takes no file, got %q", args[0]), "name the list to write with --output, and a list to compare it with by --not-in")
}

func (o *listOptions) register(f *pflag.FlagSet) {
	f.SortFlags = false
	f.StringVar(&o.output, "output", "", "write to this `file` (default standard output)")
	f.Var(&o.format, "format", "format of the list (default by the ending of --output, or csv)")
	f.BoolVar(&o.overwrite, "overwrite", false, "replace an existing list, once the new one is complete")
	f.BoolVar(&o.allowPartial, "allow-partial", false, "write a list that is not complete under the name of --output, or to standard output")
	f.StringArrayVar(&o.notIn, "not-in", nil, "only shares that this allow list, a CSV `file`, does not cover (may be repeated)")
	f.BoolVar(&o.allowEmpty, "allow-empty", false, "accept an allow list without entries")
	f.Var(&o.images, "image", "only shares of this image (may be repeated)")
	f.Var(&o.members, "member", "only shares with this member (may be repeated)")
	f.Var(&o.statuses, "status", "only shares with this status: pending, accepted, rejected (default all)")
	f.Var(&o.sharedBefore, "shared-before", "only shares first made before this `date` (UTC), such as 2026-06-30")
	f.StringVar(&o.owner, "owner", "", "list the images of this `project` (default the project of the credentials; others need an admin)")
	f.BoolVar(&o.allProjects, "all-projects", false, "list the images of all projects (needs an admin)")
	f.BoolVar(&o.received, "received", false, "list the images that others share with this project instead")
	f.BoolVar(&o.names, "names", false, "look up the members in Keystone, and add their names, domains and states")
	f.BoolVar(&o.gone, "gone", false, "only shares with projects that no longer exist in Keystone (needs an admin)")
	o.registerPace(f)
	o.registerCloud(f)
	o.registerTelling(f)
}

func (o *listOptions) validate() error {
	err := o.runOptions.validate()
	refuse := func(wrong bool, text string) {
		if wrong {
			err = errors.Join(err, errors.New(text))
		}
	}
	refuse(o.owner != "" && o.allProjects, "--owner names one project, --all-projects all of them; give one of them")
	refuse(o.allowEmpty && len(o.notIn) == 0, "--allow-empty is for --not-in; give both")
	refuse(o.summary.word == "json" && o.output == "", "--summary json and the list both go to standard output; name a file for the list with --output")
	for _, other := range []struct {
		flag  string
		given bool
	}{
		{"--all-projects", o.allProjects}, {"--names", o.names}, {"--gone", o.gone},
		{"--member", len(o.members.list) > 0}, {"--shared-before", !o.sharedBefore.IsZero()},
	} {
		refuse(o.received && other.given, "--received lists the shares of one member, without their dates: it does not go with "+other.flag)
	}
	if o.owner != "" {
		id, e := batch.ParseMemberID(o.owner)
		if e != nil {
			err = errors.Join(err, fmt.Errorf("--owner: %q is not a project id", o.owner))
		}
		o.owner = id
	}
	return err
}

// A listing is one list that is made. It is a [batch.Inventory].
type listing struct {
	*cli
	options *listOptions
	format  report.Format
	log     *slog.Logger
	session *cloud.Session
	files   *files
	// listFile is the file of a complete list, partialFile that of another; nil
	// without --output.
	listFile, partialFile *output
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
	bar     *progress
	store   *report.ShareStore
	storing error           // why the store cannot keep more
	found   []batch.Image   // with members to be listed
	done    []bool          // of found: the member list was read, or cannot be
	missing map[string]bool // the chosen images that were not found, by key
	summary listSummary
}

// listShares is the verb list.
func (c *cli) listShares(ctx context.Context, o *listOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	format, err := chosenFormat(&o.format, o.output)
	if err != nil {
		return err
	}
	log := c.logger(o.logLevel.word, o.logFormat.word)
	l := &listing{
		cli: c, options: o, format: format, log: log, bar: &progress{},
		images: batch.KeySet(o.images.list, batch.ImageKey), members: batch.KeySet(o.members.list, batch.MemberKey),
	}
	l.missing = maps.Clone(l.images)
	if err := l.nameFiles(); err != nil {
		return err
	}
	if err := l.openAllowLists(ctx); err != nil {
		return err
	}
	if l.session, err = c.connect(ctx, o.runOptions, log); err != nil {
		return err
	}
	if l.query.Owner, err = l.chosenOwner(); err != nil {
		return err
	}
	l.query.Received = o.received
	l.seesAll = o.received || l.owns(l.query.Owner) || l.session.HasRole("admin")
	if o.names || o.gone {
		if l.directory, err = l.openDirectory(ctx); err != nil {
			return err
		}
	}
	dir := os.TempDir()
	if o.output != "" {
		dir = filepath.Dir(o.output)
	}
	if l.store, err = report.NewShareStore(dir); err != nil {
		return cannotWrite("the list", cmp.Or(o.output, dir), err, otherOutput)
	}
	defer l.store.Close()
	return l.execute(ctx)
}

// otherOutput is what to do about a list that cannot be written.
const otherOutput = "use --output to name a file in a directory that can be written"

// partialEnding is the end of the name of a list that is not complete.
const partialEnding = ".partial"

// nameFiles refuses to touch what is not ours.
func (l *listing) nameFiles() error {
	o := l.options
	l.files = &files{outputs: l.newOutputs(o.notIn...)}
	if o.output != "" {
		l.listFile = l.files.add(output{report.KindList, o.output, "--output", o.overwrite, "name another file with --output, or replace it with --overwrite"})
		l.partialFile = l.files.add(output{report.KindList, o.output + partialEnding, "--output", true, ""})
	}
	l.files.metricsFile = l.files.add(output{report.KindMetrics, o.metrics, "--metrics", true, ""})
	l.monitor.decidesBy(l.files)
	return l.files.judge()
}

// openAllowLists reads the files of --not-in.
func (l *listing) openAllowLists(ctx context.Context) error {
	for _, path := range l.options.notIn {
		list, err := manifest.OpenAllowList(ctx, path, manifest.Options{Stdin: &attentiveReader{ctx, l.stdin}})
		if err != nil {
			return err
		}
		if list.Entries == 0 && !l.options.allowEmpty {
			return withHint(fmt.Errorf("%s: the allow list has no entries, so every share would be listed", list.Name), "if that is what you want, add --allow-empty")
		}
		l.allowed = append(l.allowed, list)
	}
	return nil
}

// chosenOwner is the project whose images are listed, empty for all.
func (l *listing) chosenOwner() (string, error) {
	l.project, _ = l.session.Project()
	switch o := l.options; {
	case l.project == "" && (o.allProjects || o.received):
		return "", withHint(fmt.Errorf("the project of the %s is not known", l.session.Method()), "set OS_PROJECT_ID")
	case o.allProjects, o.received:
		return o.owner, nil
	case o.owner == "" && l.project == "":
		return "", withHint(fmt.Errorf("the project of the %s is not known", l.session.Method()), "set OS_PROJECT_ID, or --owner")
	default:
		return cmp.Or(o.owner, l.project), nil
	}
}

// owns reports whether a project is that of the credentials.
func (l *listing) owns(project string) bool {
	return l.project != "" && strings.EqualFold(project, l.project)
}

func (l *listing) execute(ctx context.Context) error {
	l.underway.Store(new(string))
	l.monitor.begins(ctx)
	l.started = time.Now()
	if l.terminal {
		fmt.Fprintln(l.stderr, "Reading the image list")
	}
	api, closeAPI := openAPI(l.session, l.options.workers)
	defer closeAPI()
	counts, stopped := l.options.watchedJob(l.session, l.log, l.bar).List(ctx, l.query, api, l)
	l.bar.finish()
	l.summary.counts = counts
	switch {
	case errors.Is(stopped, errSeesAll):
		stopped = errSeesAll
	case errors.Is(stopped, batch.ErrRecorder):
		stopped = cannotWrite("the list", cmp.Or(l.options.output, "standard output"), l.storing, otherOutput)
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
	if l.directory != nil && l.found != nil && !errors.Is(stopped, errRecord) {
		l.directory.lookUp(ctx, l)
	}
	l.summary.complete = stopped == nil && l.seesAll && len(l.summary.Unread) == 0 && (!l.options.gone || l.summary.NotLookedUp == 0)
	if l.found == nil && stopped != nil { // there is nothing to write
		return l.conclude(stopped)
	}
	if err := l.write(); err != nil {
		return l.conclude(errors.Join(stopped, err))
	}
	switch {
	case stopped != nil:
	case !l.summary.complete:
		stopped = errIncomplete
	case (len(l.allowed) > 0 || l.options.gone) && l.summary.Listed > 0:
		stopped = errFound
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
	case l.options.received:
		return nil, l.receive()
	case first:
		if l.terminal {
			fmt.Fprintf(l.stderr, "%s\n", l.cost())
		}
		l.bar.start(l.cli, l.options.runOptions, "", len(l.found))
	default:
		l.bar.more(len(found))
	}
	return found, nil
}

// cost says what reading the member lists takes.
func (l *listing) cost() string {
	text := fmt.Sprintf("%s: %s", plural(l.summary.Images, "image"), plural(len(l.found), "member list"))
	if pace := l.options.pace(); pace != batch.Unlimited && len(l.found) > 0 {
		text += fmt.Sprintf(", at %s about %s", &pace, pace.time(len(l.found)))
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
		l.unread(image.ID, list.Answer.Status, fmt.Sprintf("the server gives no date for %s", plural(undated, "member")))
	default:
		s.Read++
		l.seesAll = l.seesAll || len(list.Members) > 0 && !list.OwnOnly && !l.owns(image.Owner)
	}
	l.bar.step(plural(s.Shares, "share"))
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
	switch before := l.options.sharedBefore.Time; {
	case covered,
		l.members != nil && !l.members[batch.MemberKey(m.ID)] && !l.members[batch.MemberKey(report.MemberCell(m.ID))],
		!l.options.statuses.has(m.Status):
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
	l.summary.Unread = append(l.summary.Unread, unreadImage{ImageID: imageID, Status: status, Reason: reason})
}

// write writes the list to where it belongs.
func (l *listing) write() error {
	s := &l.summary
	list := &report.ShareList{Format: l.format, Names: l.directory != nil, Why: len(l.allowed) > 0, Shares: l.shares, Head: l.head()}
	keep := s.complete || l.options.allowPartial
	switch {
	case l.options.output != "":
		file := l.listFile
		if !keep {
			file = l.partialFile
		}
		if err := l.files.mayWrite(file); err != nil {
			return err
		}
		if err := list.WriteFile(file.path); err != nil {
			return cannotWrite("the list", file.path, err, otherOutput)
		}
		s.Output = file.path
	case keep:
		if err := list.Write(l.stdout); err != nil {
			return cannotWrite("the list", "standard output", err, "")
		}
	default:
		s.withheld = true
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
	if !l.options.received { // those are sorted by their owners
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
				if l.options.gone && info.state != stateGone {
					continue
				}
				s.MemberName, s.MemberDomain, s.MemberState = info.name, info.domain, info.state
			}
			l.summary.count(m)
			if !yield(s, nil) {
				return
			}
		}
	}
}
