package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// inventory keeps what a list finds.
type inventory struct {
	images []Image
	lists  map[string]MemberList
	fail   error // of Images
}

func (i *inventory) Images(images []Image) ([]Image, error) {
	if i.lists == nil {
		i.lists = make(map[string]MemberList)
	}
	i.images = append(i.images, images...)
	return images, i.fail
}

func (i *inventory) List(l MemberList) error {
	if want := i.images[l.Number].ID; want != l.Image.ID {
		return fmt.Errorf("image %d is %s, not %s", l.Number, want, l.Image.ID)
	}
	i.lists[l.Image.ID] = l
	return nil
}

// catalog answers with so many images in pages of this size.
func catalog(images, size int) func(request, Cursor) (ImagePage, Answer) {
	return func(_ request, from Cursor) (p ImagePage, a Answer) {
		first := 0
		if from != "" {
			first, _ = strconv.Atoi(string(from))
		}
		for i := first; i < min(first+size, images); i++ {
			p.Images = append(p.Images, Image{ID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)})
		}
		if first+size < images {
			p.Next = Cursor(strconv.Itoa(first + size))
		}
		return p, Answer{Meaning: Listed, Status: 200}
	}
}

// TestListReadsEveryImage: in both parts at the pace of the job, which the second
// part goes on with.
func TestListReadsEveryImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, inv := testJob(), &inventory{}
		job.Rate = 10
		api := &fakeAPI{images: catalog(95, 10)}
		api.members = func(r request) (members, Answer) {
			return members{IDs: []string{"a", "b"}, Complete: true}, Answer{Meaning: Listed, Status: 200}
		}
		began := time.Now()
		s, err := job.List(t.Context(), ImageQuery{}, api, inv)
		if err != nil || len(inv.images) != 95 || len(inv.lists) != 95 {
			t.Fatalf("%d images, %d lists, %v", len(inv.images), len(inv.lists), err)
		}
		if s.Requests != 105 || s.Reads != 105 {
			t.Errorf("%d requests, %d reads", s.Requests, s.Reads)
		}
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second {
			t.Errorf("105 requests at 10/s took %v", took)
		}
		for _, l := range inv.lists {
			if len(l.Members) != 2 || l.Gap != "" {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestListWaitsForAnOutage: in either part.
func TestListWaitsForAnOutage(t *testing.T) {
	for _, from := range []time.Duration{0, 500 * time.Millisecond, 5 * time.Second} {
		t.Run(from.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				job, inv := testJob(), &inventory{}
				job.Rate, job.OutagePatience = 20, 10*time.Minute
				api := downFrom(from, 5*time.Minute, Answer{Meaning: Unavailable, Status: 503})
				down := api.members
				served := catalog(200, 10)
				api.images = func(r request, c Cursor) (ImagePage, Answer) {
					if _, a := down(r); a.Meaning != Listed {
						return ImagePage{}, a
					}
					return served(r, c)
				}
				if _, err := job.List(t.Context(), ImageQuery{}, api, inv); err != nil || len(inv.lists) != 200 {
					t.Fatalf("%d lists, %v", len(inv.lists), err)
				}
				for id, l := range inv.lists {
					if l.Gap != "" {
						t.Errorf("%s: %s", id, l.Gap)
					}
				}
				if n := len(api.requests); n > 220+120 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestListsThatDoNotEnd(t *testing.T) {
	tests := []struct {
		name   string
		images func(request, Cursor) (ImagePage, Answer)
		want   string
		most   int // requests
	}{
		{"a page that leads to itself", func(r request, from Cursor) (ImagePage, Answer) {
			p, a := catalog(30, 10)(r, from)
			if from == "10" {
				p.Next = "10"
			}
			return p, a
		}, "page 2 leads back to an earlier one", 2},
		{"a page that leads to the first one", func(r request, from Cursor) (ImagePage, Answer) {
			p, a := catalog(30, 10)(r, from)
			if from == "20" {
				p.Next = "10"
			}
			return p, a
		}, "page 3 leads back to an earlier one", 3},
		{"a new marker each time", func(r request, from Cursor) (ImagePage, Answer) {
			p, a := catalog(10, 10)(r, "")
			p.Next = from + "x"
			return p, a
		}, "it does not end: 18 pages showed no new image", 19},
		{"no images at all", func(r request, from Cursor) (ImagePage, Answer) {
			return ImagePage{Next: from + "x"}, Answer{Meaning: Listed, Status: 200}
		}, "it does not end: 17 pages showed no new image", 17},
		{"a refusal", func(r request, from Cursor) (ImagePage, Answer) {
			if from == "" {
				return catalog(20, 10)(r, from)
			}
			return ImagePage{}, Answer{Meaning: Forbidden, Status: 403, Message: "no"}
		}, "no", 2},
		{"a marker that is never good", func(r request, from Cursor) (ImagePage, Answer) {
			if from == "" {
				return catalog(20, 10)(r, from)
			}
			return ImagePage{}, Answer{Meaning: Refused, Status: 400, Message: "no image found"}
		}, "no image found", 14},
		{"a first page that is never good", func(r request, from Cursor) (ImagePage, Answer) {
			return ImagePage{}, Answer{Meaning: Refused, Status: 400, Message: "bad filter"}
		}, "bad filter", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				inv, api := &inventory{}, &fakeAPI{images: tt.images}
				_, err := testJob().List(t.Context(), ImageQuery{}, api, inv)
				if !errors.Is(err, ErrImages) || err.Error() != ErrImages.Error()+": "+tt.want {
					t.Errorf("got %v; want %s", err, tt.want)
				}
				if inv.lists != nil {
					t.Error("the images of a list that is not complete were handed out")
				}
				if n := len(api.requests); n != tt.most {
					t.Errorf("%d requests, want %d", n, tt.most)
				}
			})
		})
	}
}

// TestAListIsReadAgainWhenItsMarkerIsGone: without what was seen before.
func TestAListIsReadAgainWhenItsMarkerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := false
		inv, api := &inventory{}, &fakeAPI{}
		api.images = func(r request, from Cursor) (ImagePage, Answer) {
			if from == "20" && !lost {
				lost = true
				return ImagePage{}, Answer{Meaning: Refused, Status: 400, Message: "no image found"}
			}
			p, a := catalog(30, 10)(r, from)
			if lost {
				p.Images = slices.DeleteFunc(p.Images, func(i Image) bool { return i.ID[:8] == "00000019" })
			}
			return p, a
		}
		if _, err := testJob().List(t.Context(), ImageQuery{}, api, inv); err != nil || len(inv.images) != 29 {
			t.Errorf("%d images, %v", len(inv.images), err)
		}
	})
}

// TestListSaysWhatItCouldNotRead: an image whose list cannot be read is handed out
// with the reason, one that a stop came before is not.
func TestListSaysWhatItCouldNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		job, inv := testJob(), &inventory{}
		job.MaxDuration, job.Workers = 5*time.Second, 1
		api := &fakeAPI{latency: 100 * time.Millisecond, images: catalog(100, 100)}
		api.members = func(r request) (members, Answer) {
			if r.pair.ImageID[7] == '3' {
				return members{}, Answer{Meaning: Forbidden, Status: 403, Message: "not for you"}
			}
			return members{IDs: []string{"a"}}, Answer{Meaning: Listed, Status: 200}
		}
		_, err := job.List(t.Context(), ImageQuery{}, api, inv)
		if !errors.Is(err, ErrTimeBudget) || len(inv.images) != 100 || len(inv.lists) < 45 || len(inv.lists) > 50 {
			t.Fatalf("%d images, %d lists, %v", len(inv.images), len(inv.lists), err)
		}
		for id, l := range inv.lists {
			forbidden := id[7] == '3'
			if forbidden != (l.Gap == "not for you") || forbidden == (len(l.Members) == 1) || !forbidden && !l.OwnOnly {
				t.Errorf("%+v", l)
			}
		}
	})
}

// TestListKeepsMembersAsTheyAre: with all that is said of them, also where one id is
// there several times.
func TestListKeepsMembersAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id, at := memberID(1), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		want := []Member{
			{ID: id, Status: "accepted", SharedAt: at, ChangedAt: at.Add(time.Hour)},
			{ID: id, Type: Account, Status: "pending", SharedAt: at},
			{ID: "OU-1", Type: Organization}, {ID: "ou-1", Type: Organization}, {ID: "ou-1", Type: "group"},
		}
		api := &pagedAPI{ids: []string{"x", "y", "z"}, others: want, size: 2}
		inv := &inventory{}
		_, err := testJob().List(t.Context(), ImageQuery{}, listing{api}, inv)
		if err != nil || len(inv.lists) != 1 {
			t.Fatal(inv.lists, err)
		}
		for _, l := range inv.lists {
			if l.Gap != "" || len(l.Members) != len(want)+3 {
				t.Errorf("%d members, gap %q", len(l.Members), l.Gap)
			}
			for _, m := range want {
				if !slices.Contains(l.Members, m) {
					t.Errorf("%+v is missing in %+v", m, l.Members)
				}
			}
		}
	})
}

// listing is a pagedAPI with one image.
type listing struct{ *pagedAPI }

func (l listing) Images(context.Context, ImageQuery, Cursor) (ImagePage, Answer) {
	return ImagePage{Images: []Image{{ID: "00000000-0000-4000-8000-000000000000"}}}, Answer{Meaning: Listed, Status: 200}
}

// parted answers with images 0 to 19 in two pages, the second of which makes the
// list whole, and with rest on the pages behind it.
func parted(rest func(request, Cursor) (ImagePage, Answer)) func(request, Cursor) (ImagePage, Answer) {
	return func(r request, from Cursor) (ImagePage, Answer) {
		if from != "" && from != "10" {
			return rest(r, from)
		}
		p, a := catalog(21, 10)(r, from)
		p.Whole = from == "10"
		return p, a
	}
}

// TestMemberListsDoNotWaitForTheLastPages: they are read while the pages are that
// only have what changed, and so are those of the images on these.
func TestMemberListsDoNotWaitForTheLastPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inv := &inventory{}
		api := &fakeAPI{images: parted(func(r request, from Cursor) (ImagePage, Answer) {
			return catalog(22, 5)(r, "17") // three known ones, two new ones
		})}
		api.jitter = func(r request) time.Duration {
			if r.pair.ImageID == "list 20" {
				return 10 * time.Second
			}
			return 0
		}
		began := time.Now()
		var last time.Duration
		api.members = func(r request) (members, Answer) {
			last = time.Since(began)
			if number := r.pair.ImageID[6:8]; number < "20" && last >= 10*time.Second {
				t.Errorf("the members of image %s are read after %v", number, last)
			}
			return members{IDs: []string{"a"}, Complete: true}, Answer{Meaning: Listed, Status: 200}
		}
		s, err := testJob().List(t.Context(), ImageQuery{}, api, inv)
		if err != nil || len(inv.images) != 22 || len(inv.lists) != 22 || s.Requests != 25 {
			t.Fatalf("%d images, %d lists, %d requests, %v", len(inv.images), len(inv.lists), s.Requests, err)
		}
		if last < 10*time.Second {
			t.Errorf("the members of the last images were read after %v", last)
		}
	})
}

// TestTheLastPagesCount: where they cannot be read, the list is not complete; where
// their marker is gone, no image is handed out twice.
func TestTheLastPagesCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inv, api := &inventory{}, &fakeAPI{images: parted(func(request, Cursor) (ImagePage, Answer) {
			return ImagePage{}, Answer{Meaning: Forbidden, Status: 403, Message: "no"}
		})}
		if _, err := testJob().List(t.Context(), ImageQuery{}, api, inv); !errors.Is(err, ErrImages) || len(inv.images) != 20 {
			t.Errorf("%d images, %v", len(inv.images), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		lost := false
		inv, api := &inventory{}, &fakeAPI{images: parted(func(r request, from Cursor) (ImagePage, Answer) {
			if !lost {
				lost = true
				return ImagePage{}, Answer{Meaning: Refused, Status: 400, Message: "no image found"}
			}
			return catalog(21, 10)(r, from)
		})}
		if _, err := testJob().List(t.Context(), ImageQuery{}, api, inv); err != nil || len(inv.images) != 21 || len(inv.lists) != 21 {
			t.Errorf("%d images, %d lists, %v", len(inv.images), len(inv.lists), err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		inv, api := &inventory{}, &fakeAPI{images: parted(func(r request, from Cursor) (ImagePage, Answer) {
			p, a := catalog(10, 10)(r, "")
			p.Next = from + "x"
			return p, a
		})}
		if _, err := testJob().List(t.Context(), ImageQuery{}, api, inv); !errors.Is(err, ErrImages) {
			t.Errorf("pages without an end: %v", err)
		}
	})
}
