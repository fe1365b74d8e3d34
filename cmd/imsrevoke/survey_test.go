package main

import (
	"io"
	"slices"
	"testing"

	"imsrevoke/batch"
)

type rowSource []batch.Row

func (s *rowSource) Next() (batch.Row, error) {
	if len(*s) == 0 {
		return batch.Row{}, io.EOF
	}
	row := (*s)[0]
	*s = (*s)[1:]
	return row, nil
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	pair := func(image, member string) batch.Row {
		return batch.Row{Pair: batch.Pair{ImageID: image, MemberID: member}}
	}
	repeated := pair("a", "gone")
	repeated.FirstLine = 2
	for name, c := range map[string]struct {
		lists map[string][]string
		rows  []batch.Row
		want  []string
	}{
		"others stay":        {map[string][]string{"a": {"1", "2"}, "b": {"1", "2"}}, []batch.Row{pair("a", "1"), pair("b", "2")}, nil},
		"one is left bare":   {map[string][]string{"a": {"1", "2"}, "b": {"1"}}, []batch.Row{pair("a", "1"), pair("B", "1")}, []string{"the image b loses all its members"}},
		"some are left bare": {map[string][]string{"a": {"1"}, "b": {"M"}, "c": {"1", "2"}}, []batch.Row{pair("a", "1"), pair("b", "m"), pair("c", "1")}, []string{"2 of 3 images lose all their members"}},
		"all are left bare":  {map[string][]string{"a": {"1"}, "b": {"1"}}, []batch.Row{pair("a", "1"), pair("b", "1")}, []string{"all 2 images lose all their members"}},
		"none to lose":       {map[string][]string{"a": {}, "b": {"1", "2"}}, []batch.Row{pair("a", "gone"), repeated, pair("b", "1")}, []string{"1 of 2 shares are not there"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &survey{images: len(c.lists), left: make(map[string]map[string]bool)}
			for image, ids := range c.lists {
				s.add(image, batch.Members{IDs: ids, Complete: true}, batch.Answer{Meaning: batch.Listed})
			}
			rows := rowSource(c.rows)
			if err := s.withdraw(&rows); err != nil {
				t.Fatal(err)
			}
			if got := s.notes(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
