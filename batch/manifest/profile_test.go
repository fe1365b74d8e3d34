package manifest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A leaving customer is on every image, and one row is of somebody else.
func TestProfile(t *testing.T) {
	t.Parallel()
	image := func(i int) string { return fmt.Sprintf("3f7c1d3e-5b1a-4c57-9a41-%012x", i) }
	file := func(rows ...string) string { return "image_id,member_id\n" + strings.Join(rows, "\n") + "\n" }
	var leaving, grid, many []string
	for i := range 9 {
		leaving = append(leaving, image(i)+",leaver")
		grid = append(grid, image(i)+",one", image(i)+",two")
	}
	for i := range MaxListed + 1 {
		many = append(many, image(i)+",a", image(i)+","+fmt.Sprint(i))
	}
	images := make([]string, 9)
	for i := range images {
		images[i] = image(i)
	}
	for name, c := range map[string]struct {
		text  string
		owner string
		want  Profile
	}{
		"one member on every image": {file(leaving...), "", Profile{Images: images, Everywhere: "leaver"}},
		"and one row of another": {file(append(leaving, image(2)+",Stray")...), "", Profile{
			Images: images, Everywhere: "leaver", Once: []Occurrence{{"Stray", 11}},
		}},
		"the owner":                             {file(append(leaving, image(2)+",OWNER")...), " owner", Profile{Images: images, Everywhere: "leaver", Once: []Occurrence{{"OWNER", 11}}, Owner: Occurrence{"OWNER", 11}}},
		"every member on every":                 {file(grid...), "three", Profile{Images: images}},
		"many images, and members of one image": {file(many...), "", Profile{Everywhere: "a"}},
		"two images":                            {file(image(0)+",a", image(1)+",a"), "", Profile{Images: images[:2]}},
		"an image in two cases":                 {file(leaving[0], strings.ToUpper(image(0))+",b", leaving[1]), "", Profile{Images: images[:2]}},
		"rows that are not sent": {file(image(0)+",a", image(0)+",a", image(1)+",a b", image(1)+",b"), "", Profile{
			Images: images[:2], ManyInvalid: true, ManyDuplicates: true,
		}},
		"nothing": {file(), "", Profile{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := mustOpen(t, c.text, Options{})
			got, err := m.Profile(context.Background(), m.store.Rows(), c.owner)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("profile (-want +got):\n%s", diff)
			}
		})
	}
}
