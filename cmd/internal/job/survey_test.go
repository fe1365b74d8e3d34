package job

import (
	"slices"
	"testing"

	"imsrevoke/batch"
)

func TestSurvey(t *testing.T) {
	t.Parallel()
	type found = map[string]int
	for name, c := range map[string]struct {
		projects, shared, absent found // by image
		others                   map[string]string
		want                     []string
	}{
		"others stay":        {found{"a": 2, "b": 2}, found{"a": 1, "b": 1}, nil, nil, nil},
		"one is left bare":   {found{"a": 2, "b": 1}, found{"a": 1, "b": 1}, nil, nil, []string{"the image b loses all its members"}},
		"some are left bare": {found{"a": 1, "b": 1, "c": 2}, found{"a": 1, "b": 1, "c": 1}, nil, nil, []string{"2 of 3 images lose all their members"}},
		"all are left bare":  {found{"a": 1, "b": 1}, found{"a": 1, "b": 1}, nil, nil, []string{"both images lose all their members"}},
		"none to lose":       {found{"a": 0, "b": 2}, found{"b": 1}, found{"a": 1}, nil, []string{"1 of 2 shares do not exist"}},
		"a list with a gap":  {found{"a": -1, "b": 2}, found{"a": 1, "b": 1}, nil, nil, []string{"1 of 2 images cannot be read as their owner could: the member list does not show all"}},
		"accounts":           {found{"a": 2}, found{"a": 1}, nil, map[string]string{"a": "the account x"}, []string{"the image a is also shared with the account x, which may include projects of the file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSurvey(len(c.projects))
			for image, projects := range c.projects {
				s.add(image, projects, batch.Answer{Meaning: batch.Listed})
				for outcome, n := range map[batch.Outcome]int{batch.Shared: c.shared[image], batch.Absent: c.absent[image]} {
					for range n {
						s.Record(batch.Result{Row: batch.Row{Pair: batch.Pair{ImageID: image}}, Outcome: outcome, AlsoSharedWith: c.others[image]})
					}
				}
			}
			if got := s.notes(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
