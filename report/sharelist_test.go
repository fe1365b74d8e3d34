package report

import (
	"bytes"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch"
)

func sharesOf(shares ...*Share) iter.Seq2[*Share, error] {
	return func(yield func(*Share, error) bool) {
		for _, s := range shares {
			if !yield(s, nil) {
				return
			}
		}
	}
}

func TestShareLists(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 15, 9, 46, 0, time.FixedZone("", 3600))
	shares := sharesOf(
		&Share{ImageID: "i", MemberID: "-m", MemberType: "project", Status: "pending", ImageName: "=1+1\n\u2028\x00", ImageOwner: "o", ImageStatus: "active", FirstSharedAt: at, Why: "not listed"},
		&Share{ImageID: "i", MemberID: "@x,y", MemberType: "domain", Hidden: true, MemberName: "-name", MemberState: "gone"},
	)
	tests := []struct {
		list ShareList
		want string
	}{
		{ShareList{Format: FormatCSV}, `image_id,member_id,member_type,status,image_name,image_owner,image_status,hidden,first_shared_at,status_changed_at
i,-m,project,pending,'=1+1\n\u2028\x00,o,active,false,2026-11-23T14:09:46Z,
i,"'@x,y",domain,,,,,true,,
`},
		{ShareList{Format: FormatCSV, Names: true, Why: true}, `image_id,member_id,member_type,status,image_name,image_owner,image_status,hidden,first_shared_at,status_changed_at,member_name,member_domain,member_state,why
i,-m,project,pending,'=1+1\n\u2028\x00,o,active,false,2026-11-23T14:09:46Z,,,,,not listed
i,"'@x,y",domain,,,,,true,,,'-name,,gone,
`},
		{ShareList{Format: FormatJSONL}, `{"image_id":"i","member_id":"-m","member_type":"project","status":"pending","image_name":"=1+1\n\u2028\u0000","image_owner":"o","image_status":"active","hidden":false,"first_shared_at":"2026-11-23T14:09:46Z","why":"not listed"}
{"image_id":"i","member_id":"@x,y","member_type":"domain","status":"","image_name":"","image_owner":"","image_status":"","hidden":true,"member_name":"-name","member_state":"gone"}
`},
		{ShareList{Format: FormatJSON, Head: map[string]int{"images": 2}}, `{
  "shares": [
    {"image_id":"i","member_id":"-m","member_type":"project","status":"pending","image_name":"=1+1\n\u2028\u0000","image_owner":"o","image_status":"active","hidden":false,"first_shared_at":"2026-11-23T14:09:46Z","why":"not listed"},
    {"image_id":"i","member_id":"@x,y","member_type":"domain","status":"","image_name":"","image_owner":"","image_status":"","hidden":true,"member_name":"-name","member_state":"gone"}
  ],
  "list": {
    "images": 2
  }
}
`},
	}
	for _, tt := range tests {
		tt.list.Shares = shares
		var got bytes.Buffer
		if err := tt.list.Write(&got); err != nil || got.String() != tt.want {
			t.Errorf("%s: %v\ngot\n%s\nwant\n%s", tt.list.Format, err, got.String(), tt.want)
		}
		if kind := KindOf(got.Bytes()); kind != KindList {
			t.Errorf("%s is a %q", tt.list.Format, kind)
		}
	}
	var none bytes.Buffer
	if err := (&ShareList{Format: FormatJSON, Shares: sharesOf()}).Write(&none); err != nil || none.String() != "{\n  \"shares\": [],\n  \"list\": null\n}\n" {
		t.Errorf("%v\n%s", err, none.String())
	}
}

// TestAShareListThatEndsEarly is not put in place.
func TestAShareListThatEndsEarly(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, format := range ShareFormats() {
		path := filepath.Join(t.TempDir(), "list")
		l := &ShareList{Format: format, Shares: func(yield func(*Share, error) bool) {
			_ = yield(&Share{ImageID: "i"}, nil) && yield(nil, broken)
		}}
		if err := l.WriteFile(path); !errors.Is(err, broken) {
			t.Errorf("%s: %v", format, err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestShareStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := NewShareStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	at := time.Date(2026, 11, 23, 15, 9, 46, 0, time.UTC)
	many := make([]batch.Member, 10_000)
	for i := range many {
		many[i] = batch.Member{ID: strings.Repeat("x", i%200), Type: batch.Account, Status: "pending", SharedAt: at}
	}
	want := map[int][]batch.Member{3: many, 0: {{ID: "a\nb"}}, 7: many[:5]}
	for image, members := range want {
		if err := s.Put(image, members); err != nil {
			t.Fatal(err)
		}
	}
	for image := range 9 {
		got, err := s.Get(image)
		if err != nil || len(got) != len(want[image]) || len(got) > 0 && got[len(got)-1] != want[image][len(got)-1] {
			t.Errorf("image %d: %d members, %v; want %d", image, len(got), err, len(want[image]))
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("its file has a name: %v, %v", left, err)
	}
}
