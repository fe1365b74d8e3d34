package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/ui"
)

// surveyTime bounds how long a person is kept waiting for the member lists,
// surveyAttempt one request for them.
const (
	surveyTime    = 15 * time.Second
	surveyAttempt = 5 * time.Second
)

// survey checks the rows, when their images are few, to say before the question
// what would come of it. It changes nothing, keeps to the rate, and leaves what
// it cannot find out to the run.
func (r *run) survey(ctx context.Context, images []string) ([]string, error) {
	if len(images) == 0 || float64(len(images))/float64(r.options.pace()) > surveyTime.Seconds() {
		return nil, nil
	}
	api, closeAPI := OpenAPI(r.session, r.options.Limits.Workers)
	defer closeAPI()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	job := r.options.Limits.Job(r.options.pace())
	job.AttemptTimeout = min(job.AttemptTimeout, surveyAttempt)
	job.Attempts, job.OutagePatience, job.MaxDuration = 1, 0, surveyTime
	s := newSurvey(len(images))
	r.ShowReading(0, len(images))
	job.OnList = func(image string, projects int, answer batch.Answer) {
		s.add(image, projects, answer)
		r.ShowReading(len(s.lists), len(images))
		if !answer.Meaning.Served() && answer.Meaning != batch.AmbiguousNotFound {
			stop(fmt.Errorf("%w: %s", errUnreadable, answer.Message))
		}
	}
	_, err := job.Run(ctx, batch.Check, r.remaining(), api, s)
	r.HideReading(len(images))
	switch {
	case errors.Is(err, errUnreadable), errors.Is(err, batch.ErrUnauthorized), errors.Is(err, batch.ErrWrongEndpoint):
		return []string{err.Error()}, nil
	case errors.Is(err, batch.ErrTimeBudget):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return s.notes(), nil
}

var errUnreadable = errors.New("the member lists cannot be read")

// A survey is what the member lists say of the rows. It is a [batch.Recorder].
type survey struct {
	images int
	// lists are the lists that were read: how many projects each of them holds,
	// -1 if that is not known to be all.
	lists map[string]int
	// unseen counts the images that are not ours, as unseenAs says of the last.
	unseen   int
	unseenAs string
	// shared counts, by image, the rows whose share exists, absent those whose
	// share does not, of all images.
	shared map[string]int
	absent int
	// respelled counts the rows whose member the list spells in another way.
	respelled int
	// others are the images that are also shared with accounts or organizations.
	others map[string]string
	// notProjects says which rows name an account or an organization.
	notProjects []string
}

func newSurvey(images int) *survey {
	return &survey{images: images, lists: make(map[string]int), shared: make(map[string]int), others: make(map[string]string)}
}

// add takes the list of one image.
func (s *survey) add(image string, projects int, answer batch.Answer) {
	s.lists[image] = projects
	switch {
	case projects >= 0:
	case answer.Meaning == batch.Listed:
		s.unseen, s.unseenAs = s.unseen+1, "the member list does not show all"
	default:
		s.unseen, s.unseenAs = s.unseen+1, answer.Message
	}
}

func (s *survey) Begin(batch.Row) error { return nil }
func (s *survey) Flush() error          { return nil }

func (s *survey) Record(r batch.Result) error {
	image := r.Row.Pair.ImageID
	switch {
	case r.MemberType != "":
		what, _, _ := strings.Cut(r.Message, ";")
		s.notProjects = append(s.notProjects, fmt.Sprintf("line %d: %s", r.Row.Line, what))
	case r.Outcome == batch.Shared:
		s.shared[image]++
		if r.Message != "" {
			s.respelled++
		}
	case r.Outcome == batch.Absent:
		s.absent++
	}
	if r.AlsoSharedWith != "" {
		s.others[image] = r.AlsoSharedWith
	}
	return nil
}

// notes is what is unusual.
func (s *survey) notes() []string {
	var notes, bare []string
	if s.unseen > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s cannot be read as their owner could: %s", s.unseen, ui.Plural(s.images, "image"), s.unseenAs))
	}
	rows := s.absent
	for image, shared := range s.shared {
		rows += shared
		if shared >= s.lists[image] && s.lists[image] > 0 {
			bare = append(bare, image)
		}
	}
	switch {
	case len(bare) == s.images && s.images == 2:
		notes = append(notes, "both images lose all their members")
	case len(bare) == s.images && s.images > 2:
		notes = append(notes, fmt.Sprintf("all %s lose all their members", ui.Plural(s.images, "image")))
	case len(bare) == 1:
		notes = append(notes, fmt.Sprintf("the image %s loses all its members", bare[0]))
	case len(bare) > 1:
		notes = append(notes, fmt.Sprintf("%d of %s lose all their members", len(bare), ui.Plural(s.images, "image")))
	}
	if s.absent > 0 {
		notes = append(notes, fmt.Sprintf("%s of %s do not exist", ui.Number(s.absent), ui.Plural(rows, "share")))
	}
	if s.respelled > 0 {
		notes = append(notes, fmt.Sprintf("%s spelled differently in the member list, and revoked in that spelling", ui.Plural(s.respelled, "member id")))
	}
	var others []string
	for image, with := range s.others {
		others = append(others, fmt.Sprintf("the image %s is also shared with %s, which may include projects of the file", image, with))
	}
	slices.Sort(others)
	const most = 5
	if more := len(s.notProjects) - most; more > 0 {
		s.notProjects = append(s.notProjects[:most], fmt.Sprintf("%s more name an account or an organization", ui.Plural(more, "row")))
	}
	return append(append(notes, others...), s.notProjects...)
}
