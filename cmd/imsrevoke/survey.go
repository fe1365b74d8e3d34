package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"imsrevoke/batch"
)

// surveyTime bounds how long a person is kept waiting for the member lists, as
// far as the pace has a say in it; surveyAttempt bounds one request.
const (
	surveyTime    = 15 * time.Second
	surveyAttempt = 5 * time.Second
)

// survey reads the member lists of images, when they are few, to tell before
// the question what would come of it. It changes nothing, keeps to the pace,
// and leaves what it cannot find out to the run.
func (r *run) survey(ctx context.Context, images []string) ([]string, error) {
	if len(images) == 0 || float64(len(images))/float64(r.options.pace()) > surveyTime.Seconds() {
		return nil, nil
	}
	api, closeAPI := r.openAPI()
	defer closeAPI()
	job := r.options.job()
	job.AttemptTimeout = min(job.AttemptTimeout, surveyAttempt)
	s := &survey{images: len(images), left: make(map[string]map[string]bool)}
	done, trouble := 0, ""
	var misconfigured error
	r.showReading(0, len(images))
	err := job.Lists(ctx, api, images, func(image string, members batch.Members, answer batch.Answer) bool {
		if answer.Meaning == batch.Misconfigured {
			misconfigured = fmt.Errorf("%w: %s", batch.ErrMisconfigured, answer.Message)
			return false
		}
		if !answer.Meaning.Served() && answer.Meaning != batch.Unproved {
			trouble = answer.Message
			return false
		}
		s.add(image, members, answer)
		done++
		r.showReading(done, len(images))
		return true
	})
	r.hideReading(len(images))
	switch {
	case err != nil || misconfigured != nil:
		return nil, errors.Join(err, misconfigured)
	case trouble != "":
		return []string{"the member lists cannot be read: " + trouble}, nil
	}
	if err := s.withdraw(r.remaining()); err != nil {
		return nil, err
	}
	return s.notes(), nil
}

// showReading shows how far the survey is.
func (r *run) showReading(done, all int) {
	switch {
	case r.redraws:
		fmt.Fprintf(r.stderr, "\r%s%d", reading(all), done)
	case done == 0:
		fmt.Fprintf(r.stderr, "%s%d\n", reading(all), all)
	}
}

// hideReading takes away what showReading has shown.
func (r *run) hideReading(all int) {
	if r.redraws {
		fmt.Fprintf(r.stderr, "\r%*s\r", len(reading(all))+len(fmt.Sprint(all)), "")
	}
}

func reading(all int) string { return fmt.Sprintf("Member lists read, of %d: ", all) }

// A survey is what the member lists say.
type survey struct {
	images int
	// left are the members of each image that is ours, without those that the
	// rows name. Ids are compared in lower case.
	left map[string]map[string]bool
	// unseen counts the images that are not ours, as unseenAs says of the last.
	unseen   int
	unseenAs string
	// rows counts the rows of images that are ours, absent those of them whose
	// member is not in the list.
	rows, absent int
}

// add takes the list of one image.
func (s *survey) add(image string, members batch.Members, answer batch.Answer) {
	switch {
	case answer.Meaning == batch.Listed && members.Complete:
		ids := make(map[string]bool, len(members.IDs))
		for _, id := range members.IDs {
			ids[strings.ToLower(id)] = true
		}
		s.left[strings.ToLower(image)] = ids
	case answer.Meaning == batch.Listed:
		s.unseen, s.unseenAs = s.unseen+1, "the list shows nobody but this project"
	default:
		s.unseen, s.unseenAs = s.unseen+1, answer.Message
	}
}

// withdraw takes the members off the lists that the rows name.
func (s *survey) withdraw(rows batch.Source) error {
	had := make(map[string]int)
	for image, members := range s.left {
		had[image] = len(members)
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		members, ours := s.left[strings.ToLower(row.Pair.ImageID)]
		if _, unsent := row.Unsent(); unsent || !ours {
			continue
		}
		s.rows++
		member := strings.ToLower(row.Pair.MemberID)
		if !members[member] {
			s.absent++
		}
		delete(members, member)
	}
	for image, n := range had {
		if n == 0 {
			delete(s.left, image) // it has none to lose
		}
	}
	return nil
}

// notes is what is unusual.
func (s *survey) notes() []string {
	var notes, bare []string
	if s.unseen > 0 {
		notes = append(notes, fmt.Sprintf("%d of %s cannot be seen as their owner does: %s", s.unseen, plural(s.images, "image"), s.unseenAs))
	}
	for image, members := range s.left {
		if len(members) == 0 {
			bare = append(bare, image)
		}
	}
	switch {
	case len(bare) == s.images && s.images > 1:
		notes = append(notes, fmt.Sprintf("all %s lose all their members", plural(s.images, "image")))
	case len(bare) == 1:
		notes = append(notes, fmt.Sprintf("the image %s loses all its members", bare[0]))
	case len(bare) > 1:
		notes = append(notes, fmt.Sprintf("%d of %s lose all their members", len(bare), plural(s.images, "image")))
	}
	if s.absent > 0 {
		notes = append(notes, fmt.Sprintf("%s of %s are not there", grouped(s.absent), plural(s.rows, "share")))
	}
	return notes
}
