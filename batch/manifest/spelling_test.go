package manifest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// dashes spells 32 digits as a UUID.
func dashes(digits string) string {
	return strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
}

func TestSpellingsOfOnePairAreDuplicates(t *testing.T) {
	t.Parallel()
	other := strings.ReplaceAll(imageA, "-", "")
	text := expand("image_id,member_id\n") + strings.Join([]string{
		imageA + "," + member1,
		strings.ToUpper(imageA) + "," + strings.ToUpper(member1),
		imageB + "," + member1,
		"{" + imageA + "}," + dashes(member1),
		other + ",urn:uuid:" + dashes(member2),
		imageA + "," + member2,
		imageB + "," + member1,
		imageA + ",acme-prod",
		imageA + ",ACME-PROD",
	}, "\n")
	m := mustOpen(t, text, Options{})
	var got []string
	for _, row := range rowsOf(t, m) {
		got = append(got, fmt.Sprintf("%d: repeats %d, respelled %v", row.Line, row.FirstLine, row.Respelled))
		if row.Problem != "" || row.ImageID+","+row.MemberID != strings.Split(text, "\n")[row.Line-1] {
			t.Errorf("line %d: cells %q and %q, %s", row.Line, row.ImageID, row.MemberID, row.Problem)
		}
	}
	want := []string{
		"2: repeats 0, respelled true", // by line 3
		"3: repeats 2, respelled true",
		"4: repeats 0, respelled false",
		"5: repeats 2, respelled true",
		"6: repeats 0, respelled true",
		"7: repeats 6, respelled false",
		"8: repeats 4, respelled false",
		"9: repeats 0, respelled true", // on some databases these are two
		"10: repeats 9, respelled false",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if m.Valid != 4 || m.Duplicates != 5 || m.Images.N != 2 {
		t.Errorf("%d valid, %d duplicates, %d images", m.Valid, m.Duplicates, m.Images.N)
	}
}

func TestMembersThatAreNotProjectsAreCounted(t *testing.T) {
	t.Parallel()
	m := mustOpen(t, expand("image_id,member_id\nA!,1!\nA!,{1!}\nA!,acme-prod\nB!,acme-prod\nA!,1234\n"), Options{})
	if m.NotProjects != (Count{N: 2}) || m.NotProject != (Occurrence{"acme-prod", 4}) {
		t.Errorf("%+v, the first %+v", m.NotProjects, m.NotProject)
	}
	if m := mustOpen(t, expand("image_id,member_id\nA!,1!\nA!,x/y\n"), Options{}); m.NotProjects.N != 0 || m.NotProject.Line != 0 {
		t.Errorf("%+v, the first %+v; an invalid id is none", m.NotProjects, m.NotProject)
	}
}

func TestSelectionInAnySpelling(t *testing.T) {
	t.Parallel()
	text := expand("image_id,member_id\nA!,1!\nA!,2!\n") + strings.ToUpper(imageB) + "," + strings.ToUpper(dashes(member1)) + "\n"
	for _, member := range []string{member1, strings.ToUpper(member1), dashes(member1), "{" + dashes(member1) + "}"} {
		m := mustOpen(t, text, Options{Select: Selection{Members: []string{member}}})
		if m.Rows != 2 {
			t.Errorf("%s: %d rows; want 2", member, m.Rows)
		}
	}
	image := strings.ReplaceAll(imageB, "-", "")
	if m := mustOpen(t, text, Options{Select: Selection{Images: []string{image, imageA}}}); m.Rows != 3 {
		t.Errorf("%s: %d rows; want 3", image, m.Rows)
	}
	if _, err := open(t, text, Options{Select: Selection{Members: []string{dashes(member2), dashes(batch.MemberKey(imageC))}}}); !errors.Is(err, ErrNothingSelected) {
		t.Errorf("one of two members is nowhere: %v", err)
	}
}
