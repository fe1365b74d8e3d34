package batch

import (
	"context"
	"time"
)

// Lists reads the member lists of images, one after the other at the job's pace,
// and calls each with what came, until that returns false. It changes nothing.
// A read is made once, and once more when the credentials were renewed for it.
// The error is the cause of the end of ctx.
func (j *Job) Lists(ctx context.Context, api API, images []string, each func(imageID string, members Members, answer Answer) bool) error {
	if err := j.Validate(); err != nil {
		return err
	}
	pace := newPace(j.Rate)
	read := func(image string) (Members, Answer) {
		ctx, cancel := context.WithTimeout(ctx, j.AttemptTimeout)
		defer cancel()
		return api.Members(ctx, image)
	}
	for _, image := range images {
		var members Members
		answer := Answer{Meaning: Renewed}
		for tries := 0; tries < 2 && answer.Meaning == Renewed; tries++ {
			for wait := pace.take(time.Now()); wait > 0; wait = pace.take(time.Now()) {
				select {
				case <-time.After(wait):
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			members, answer = read(image)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if !each(image, members, answer) {
			return nil
		}
	}
	return nil
}
