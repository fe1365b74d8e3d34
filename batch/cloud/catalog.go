package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// anyRegion is the region of a catalog entry that serves every region.
const anyRegion = "*"

// imageEndpoint finds the address of the Image API in a catalog. The region
// may be empty as long as the catalog leaves no choice; the one that was found
// is returned.
//
// The catalog is the only source: asking the address itself which versions it
// serves fails at gateways, which answer 404 there.
func imageEndpoint(catalog []tokens.CatalogEntry, availability gophercloud.Availability, region string) (address, found string, err error) {
	byRegion := make(map[string]string)
	for _, entry := range catalog {
		if entry.Type != "image" {
			continue
		}
		for _, e := range entry.Endpoints {
			if e.Interface != string(availability) {
				continue
			}
			name := endpointRegion(e, region)
			if _, ok := byRegion[name]; !ok {
				byRegion[name] = e.URL
			}
		}
	}
	if len(byRegion) == 0 {
		return "", "", fmt.Errorf("the catalog has no %s endpoint of type image; set --endpoint, or OS_INTERFACE to another interface", availability)
	}

	named := slices.DeleteFunc(slices.Sorted(maps.Keys(byRegion)), func(name string) bool { return name == anyRegion })
	switch {
	case region != "" && byRegion[region] != "":
		return byRegion[region], region, nil
	case region != "" && byRegion[anyRegion] != "":
		return byRegion[anyRegion], region, nil
	case region != "":
		return "", "", fmt.Errorf("the catalog has no image endpoint in region %q; set --region to one of %s", region, strings.Join(named, ", "))
	case len(named) > 1:
		return "", "", fmt.Errorf("the catalog has image endpoints in several regions; set --region to one of %s", strings.Join(named, ", "))
	case len(named) == 1:
		return byRegion[named[0]], named[0], nil
	default:
		return byRegion[anyRegion], "", nil
	}
}

// endpointRegion is the region under which e is known: the wanted one when
// either of the fields names it, and any region when neither names one.
func endpointRegion(e tokens.Endpoint, wanted string) string {
	if wanted != "" && (e.Region == wanted || e.RegionID == wanted) {
		return wanted
	}
	for _, name := range []string{e.Region, e.RegionID} {
		if name != "" {
			return name
		}
	}
	return anyRegion
}

// parseInterface reads the name of an interface in any of its spellings:
// public, publicURL, or nothing for public. what names the setting in errors.
func parseInterface(what, name string) (gophercloud.Availability, error) {
	switch strings.TrimSuffix(strings.TrimSpace(name), "URL") {
	case "", "public":
		return gophercloud.AvailabilityPublic, nil
	case "internal":
		return gophercloud.AvailabilityInternal, nil
	case "admin":
		return gophercloud.AvailabilityAdmin, nil
	}
	return "", fmt.Errorf("%s %q is not an interface; set it to public, internal or admin", what, name)
}
