// Leads a machine through its whole life with the official client: whatever the simulator answers must make sense to it.
// Usage: godo-lifecycle ADDRESS PUBLIC-KEY; the token is in DIGITALOCEAN_TOKEN. Prints a line for each step.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/digitalocean/godo"
)

func main() {
	client := godo.NewFromToken(os.Getenv("DIGITALOCEAN_TOKEN"))
	check("address", godo.SetBaseURL(os.Args[1])(client))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()

	account, _, err := client.Account.Get(ctx)
	check("account", err)
	require("account", account.Status == "active" && account.DropletLimit > 0, account)
	catalogue(ctx, client)
	fingerprint := makeKey(ctx, client, os.Args[2])
	ids := makeDroplets(ctx, client, fingerprint)
	firewall(ctx, client)
	snapshot(ctx, client, ids[0])
	end(ctx, client, ids, fingerprint)
}

func check(step string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", step, err)
		os.Exit(1)
	}
}

func require(step string, holds bool, seen interface{}) {
	if !holds {
		fmt.Fprintf(os.Stderr, "%s: unexpected %v\n", step, seen)
		os.Exit(1)
	}
	fmt.Println(step)
}

func catalogue(ctx context.Context, client *godo.Client) {
	regions, _, err := client.Regions.List(ctx, nil)
	check("regions", err)
	sizes, _, err := client.Sizes.List(ctx, nil)
	check("sizes", err)
	images, _, err := client.Images.ListDistribution(ctx, nil)
	check("images", err)
	require("catalogue", len(regions) > 0 && len(sizes) > 0 && len(images) > 0, regions)
}

func makeKey(ctx context.Context, client *godo.Client, publicKey string) string {
	made, _, err := client.Keys.Create(ctx, &godo.KeyCreateRequest{Name: "godo", PublicKey: publicKey})
	check("key", err)
	found, _, err := client.Keys.GetByFingerprint(ctx, made.Fingerprint)
	check("key", err)
	require("key", found.ID == made.ID, found)
	return made.Fingerprint
}

func makeDroplets(ctx context.Context, client *godo.Client, fingerprint string) []int {
	var ids []int
	for nth := 1; nth <= 3; nth++ {
		droplet, _, err := client.Droplets.Create(ctx, &godo.DropletCreateRequest{
			Name:     fmt.Sprintf("godo-%d", nth),
			Region:   "nyc3",
			Size:     "s-1vcpu-1gb",
			Image:    godo.DropletCreateImage{Slug: "debian-12-x64"},
			SSHKeys:  []godo.DropletCreateSSHKey{{Fingerprint: fingerprint}},
			Tags:     []string{"godo"},
			UserData: "#cloud-config\n{}\n",
		})
		check("droplet", err)
		ids = append(ids, droplet.ID)
	}
	for _, id := range ids {
		waitUntil(ctx, "active", func() bool {
			droplet, _, err := client.Droplets.Get(ctx, id)
			check("active", err)
			address, err := droplet.PublicIPv4()
			return err == nil && droplet.Status == "active" && address != ""
		})
	}
	fmt.Println("droplets")

	// One a page, so that its own reading of the links is what leads from page to page.
	seen := map[int]bool{}
	options := &godo.ListOptions{PerPage: 1}
	for {
		page, response, err := client.Droplets.ListByTag(ctx, "godo", options)
		check("pages", err)
		for _, droplet := range page {
			seen[droplet.ID] = true
		}
		if response.Links == nil || response.Links.IsLastPage() {
			break
		}
		current, err := response.Links.CurrentPage()
		check("pages", err)
		options.Page = current + 1
	}
	require("pages", len(seen) == len(ids), seen)
	return ids
}

func firewall(ctx context.Context, client *godo.Client) {
	request := &godo.FirewallRequest{
		Name: "godo",
		Tags: []string{"godo"},
		InboundRules: []godo.InboundRule{{
			Protocol: "tcp", PortRange: "22", Sources: &godo.Sources{Addresses: []string{"198.51.100.7/32"}},
		}},
		OutboundRules: []godo.OutboundRule{{
			Protocol: "tcp", PortRange: "0", Destinations: &godo.Destinations{Addresses: []string{"0.0.0.0/0", "::/0"}},
		}},
	}
	made, _, err := client.Firewalls.Create(ctx, request)
	check("firewall", err)
	request.InboundRules[0].Sources.Addresses = []string{"2001:db8::/64"}
	changed, _, err := client.Firewalls.Update(ctx, made.ID, request)
	check("firewall", err)
	require("firewall", changed.InboundRules[0].Sources.Addresses[0] == "2001:db8::/64", changed)
	_, err = client.Firewalls.Delete(ctx, made.ID)
	check("firewall", err)
	left, _, err := client.Firewalls.List(ctx, nil)
	check("firewall", err)
	require("firewall gone", len(left) == 0, left)
}

func snapshot(ctx context.Context, client *godo.Client, id int) {
	action, _, err := client.DropletActions.Snapshot(ctx, id, "godo snapshot")
	check("snapshot", err)
	waitUntil(ctx, "snapshot", func() bool {
		now, _, err := client.Actions.Get(ctx, action.ID)
		check("snapshot", err)
		return now.Status == godo.ActionCompleted
	})
	images, _, err := client.Droplets.Snapshots(ctx, id, nil)
	check("snapshot", err)
	all, _, err := client.Snapshots.ListDroplet(ctx, nil)
	check("snapshot", err)
	require("snapshot", len(images) == 1 && len(all) == 1 && all[0].Name == "godo snapshot", all)
	_, err = client.Snapshots.Delete(ctx, all[0].ID)
	check("snapshot gone", err)
}

func end(ctx context.Context, client *godo.Client, ids []int, fingerprint string) {
	for _, id := range ids {
		_, err := client.Droplets.Delete(ctx, id)
		check("delete", err)
	}
	for _, id := range ids {
		waitUntil(ctx, "delete", func() bool {
			_, response, err := client.Droplets.Get(ctx, id)
			return err != nil && response != nil && response.StatusCode == http.StatusNotFound
		})
	}
	fmt.Println("droplets gone")
	_, err := client.Keys.DeleteByFingerprint(ctx, fingerprint)
	check("key gone", err)
	_, err = client.Tags.Delete(ctx, "godo")
	check("tag gone", err)
	fmt.Println("all gone")
}

func waitUntil(ctx context.Context, step string, done func() bool) {
	for !done() {
		select {
		case <-ctx.Done():
			check(step, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
