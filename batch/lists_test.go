package batch

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestListsKeepToThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &fakeAPI{latency: 10 * time.Millisecond}
		renewed := false
		api.members = func(r request) (Members, Answer) {
			if r.pair.ImageID == "b" && !renewed {
				renewed = true
				return Members{}, Answer{Meaning: Renewed, Status: 401}
			}
			return Members{IDs: []string{r.pair.ImageID}}, Answer{Meaning: Listed, Status: 200}
		}
		job := testJob()
		job.Rate = 2
		var got []string
		began := time.Now()
		err := job.Lists(t.Context(), api, []string{"a", "b", "c", "d"}, func(image string, m Members, a Answer) bool {
			if a.Meaning != Listed || !slices.Equal(m.IDs, []string{image}) {
				t.Errorf("%s: %v %v", image, m, a)
			}
			got = append(got, image)
			return image != "c"
		})
		if err != nil || !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%v, %v", got, err)
		}
		// Four requests, the last one a second and a half after the first.
		if took := time.Since(began); took < 1500*time.Millisecond || took > 2*time.Second {
			t.Errorf("they took %v", took)
		}
	})
}

func TestListsEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		api := &fakeAPI{latency: time.Hour}
		time.AfterFunc(time.Second, func() { cancel(stop) })
		began := time.Now()
		err := testJob().Lists(ctx, api, []string{"a", "b"}, func(string, Members, Answer) bool {
			t.Error("told of a list that was cut off")
			return true
		})
		if !errors.Is(err, stop) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
