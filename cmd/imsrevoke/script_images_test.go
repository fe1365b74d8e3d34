//go:build !windows

package main

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"imsrevoke/batch/imagetest"
)

// image adds an image to the cloud, or changes it: image ID [PROPERTY...].
func (s *script) image(ts *testscript.TestScript, args []string) {
	i := imagetest.Image{ID: args[0]}
	for _, arg := range args[1:] {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "owner":
			i.Owner = value
		case "visibility":
			i.Visibility = imagetest.Visibility(value)
		case "hidden":
			i.Hidden = true
		case "name":
			i.Name = strings.ReplaceAll(value, `\n`, "\n")
		case "status":
			i.Status = value
		default:
			ts.Fatalf("%q is not a property of an image", arg)
		}
	}
	s.running(ts).AddImage(i)
}

// project adds a project to Keystone, or changes it: project ID [PROPERTY...].
func (s *script) project(ts *testscript.TestScript, args []string) {
	p := imagetest.Project{ID: args[0]}
	for _, arg := range args[1:] {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "name":
			p.Name = value
		case "disabled":
			p.Disabled = true
		default:
			ts.Fatalf("%q is not a property of a project", arg)
		}
	}
	s.running(ts).AddProject(p)
}

func (s *script) keystoneLists(ts *testscript.TestScript, args []string) {
	s.running(ts).LimitProjects(number(ts, args[0]))
}

// imageListProperty sets a property of the cloud's image lists.
func imageListProperty(ts *testscript.TestScript, c *imagetest.Cloud, name, value string) bool {
	switch name {
	case "limit":
		n, err := strconv.Atoi(value)
		ts.Check(err)
		c.ImageList.MaxLimit = n
	case "thin":
		c.ImageList.Thin = func(id string) bool { return strings.HasSuffix(id, value) }
	case "loop":
		c.ImageList.Loop = true
	case "endless":
		c.ImageList.Endless = true
	case "ignore-owner":
		c.ImageList.IgnoreOwner = true
	case "delete", "hide", "show", "private": // N:ID, before the Nth page
		n, id, _ := strings.Cut(value, ":")
		c.ImageList.Before = func(request int) {
			switch {
			case strconv.Itoa(request) != n:
			case name == "delete":
				c.RemoveImage(id)
			case name == "private":
				c.AddImage(imagetest.Image{ID: id, Visibility: imagetest.Private})
			default:
				c.AddImage(imagetest.Image{ID: id, Hidden: name == "hide"})
			}
		}
	default:
		return false
	}
	return true
}

// ofImageLists chooses f for the requests for a page of the image list, from the
// nth to the last; 0 stands for no last one.
func ofImageLists(nth, last int, f imagetest.Fault) imagetest.Policy {
	return func(r imagetest.Request) imagetest.Fault {
		if !strings.HasPrefix(r.Target, "/v2/images?") && !strings.HasPrefix(r.Target, "/v2/cloudimages?") {
			return imagetest.Fault{}
		}
		if r.Attempt < nth || last > 0 && r.Attempt > last {
			return imagetest.Fault{}
		}
		return f
	}
}

// listFaults are the faults of image lists, by name; see script.setFaults.
func listFaults() map[string]imagetest.Policy {
	return map[string]imagetest.Policy{
		"deleted": func(r imagetest.Request) imagetest.Fault {
			return imagetest.Fault{
				Status: http.StatusNotFound, ContentType: "application/json",
				Body: `{"message": "Image ` + r.ImageID + ` not found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}`,
			}
		},
		"images-500":      ofImageLists(2, 0, imagetest.Status(http.StatusInternalServerError)),
		"images-500-once": ofImageLists(2, 2, imagetest.Status(http.StatusInternalServerError)),
		"images-429-once": ofImageLists(2, 2, imagetest.Fault{Status: http.StatusTooManyRequests, RetryAfter: "1"}),
		"images-401-once": ofImageLists(2, 2, imagetest.Status(http.StatusUnauthorized)),
		"projects-500": func(r imagetest.Request) imagetest.Fault {
			if strings.HasSuffix(r.Target, "/v3/projects") {
				return imagetest.Status(http.StatusInternalServerError)
			}
			return imagetest.Fault{}
		},
		"images-forbidden": ofImageLists(1, 0, imagetest.Status(http.StatusForbidden)),
	}
}
