package list

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	pacing "golang.org/x/time/rate"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/cmd/internal/exit"
)

// The states of a member in Keystone.
const (
	statePresent  = "present"
	stateDisabled = "disabled"
	stateGone     = "gone" // it is proved that there is no such project
	stateUnknown  = "unknown"
)

func memberStates() []string { return []string{statePresent, stateDisabled, stateGone, stateUnknown} }

// A directory is what Keystone says of the members that are listed.
type directory struct {
	projects *cloud.Projects
	members  map[string]memberInfo // by memberKey
}

// A memberInfo is what is known of a member.
type memberInfo struct {
	name, domain, state string
	// project is the id that it has in Keystone, empty if it is none of a project.
	project string
}

// openDirectory makes ready to look up members, and refuses where --gone could not
// be told.
func (l *listing) openDirectory(ctx context.Context) (*directory, error) {
	d := &directory{members: make(map[string]memberInfo)}
	flag := "--names"
	if l.options.Gone {
		flag = "--gone"
	}
	var err error
	if d.projects, err = l.session.Projects(); err == nil && l.options.Gone {
		err = d.projects.MayProve(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	return d, nil
}

// memberKey is the same for all that means one member of Keystone.
func memberKey(m batch.Member) string { return string(m.Type) + " " + batch.MemberKey(m.ID) }

// note notes members to be looked up.
func (d *directory) note(members []batch.Member) {
	for _, m := range members {
		info := memberInfo{state: stateUnknown}
		if id := batch.MemberKey(m.ID); m.Type == "" && batch.IsProjectID(id) {
			info.project = id
		}
		d.members[memberKey(m)] = info
	}
}

// of is what is known of a member.
func (d *directory) of(m batch.Member) memberInfo { return d.members[memberKey(m)] }

// lookUp asks Keystone for all members: for the list of all projects, and for each
// one that is not in it, no quicker than the rate. What it cannot find out stays
// unknown.
func (d *directory) lookUp(ctx context.Context, l *listing) {
	fail := func(err error) {
		if l.summary.LookupFailure == "" {
			l.summary.LookupFailure = err.Error()
			l.Log.Warn("members cannot be looked up", "error", err)
		}
	}
	may := true
	if err := d.projects.Load(ctx); errors.Is(err, cloud.ErrMayNotLookUp) {
		// Who may not have the list may see single projects at most.
		may = d.projects.MayProve(ctx) == nil
		if !may {
			fail(err)
		}
	} else if err != nil {
		fail(err)
		may = false
	}
	pace := pacing.NewLimiter(pacing.Limit(l.options.Limits.Rate), 1)
	l.summary.Members = make(map[string]int)
	for _, key := range slices.Sorted(maps.Keys(d.members)) {
		info := d.members[key]
		switch {
		case info.project == "":
			l.summary.NotProjects++
		case may:
			info = d.find(ctx, info, pace, fail)
		}
		if info.project != "" && info.state == stateUnknown {
			l.summary.NotLookedUp++
		}
		l.summary.Members[info.state]++
		d.members[key] = info
	}
}

// find asks for one project.
func (d *directory) find(ctx context.Context, info memberInfo, pace *pacing.Limiter, fail func(error)) memberInfo {
	project, known := d.projects.Known(info.project)
	if !known {
		if err := pace.Wait(ctx); err != nil {
			fail(errors.New("the run stopped first"))
			return info
		}
		var err error
		if project, known, err = d.projects.Find(ctx, info.project); err != nil {
			fail(err)
			return info
		}
	}
	info.name, info.domain = project.Name, project.Domain
	switch {
	case !known:
		info.state = stateGone
	case project.Enabled:
		info.state = statePresent
	default:
		info.state = stateDisabled
	}
	return info
}

// receive takes the images that were found to be shared with the project.
func (l *listing) receive() error {
	statuses := make(map[string]int)
	last := make(map[string]batch.Image)
	for _, image := range l.found {
		statuses[image.ID]++
		if statuses[image.ID] == 3 { // in the list of each status
			l.found = nil
			return exit.ErrSeesAll
		}
		last[image.ID] = image
	}
	s := &l.summary
	s.Images = len(last)
	l.found = l.found[:0]
	for _, image := range last {
		s.Shares++
		if yes, _ := l.chooses(image, batch.Member{ID: l.project, Status: image.Received}); !yes {
			continue
		}
		l.found = append(l.found, image)
	}
	slices.SortFunc(l.found, func(a, b batch.Image) int { return cmp.Or(cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.ID, b.ID)) })
	for i, image := range l.found {
		l.done[i] = true
		if l.storing = l.store.Put(i, []batch.Member{{ID: l.project, Status: image.Received}}); l.storing != nil {
			return l.storing
		}
	}
	return nil
}
