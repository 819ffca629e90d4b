// Leads a server through its whole life with the official client: whatever the simulator answers must make sense to it.
// Usage: hcloud-lifecycle ENDPOINT PUBLIC-KEY; the token is in HCLOUD_TOKEN. Prints a line for each step.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/hetznercloud/hcloud-go/hcloud"
)

var client *hcloud.Client
var ctx context.Context

func main() {
	var cancel context.CancelFunc
	ctx, cancel = context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client = hcloud.NewClient(
		hcloud.WithEndpoint(os.Args[1]),
		hcloud.WithToken(os.Getenv("HCLOUD_TOKEN")),
		hcloud.WithPollInterval(20*time.Millisecond),
	)
	catalogue()
	key := makeKey(os.Args[2])
	firewall := makeFirewall()
	server := makeServer(key, firewall)
	snapshot(server)
	end(server, firewall, key)
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

func await(step string, action *hcloud.Action) {
	_, failed := client.Action.WatchProgress(ctx, action)
	check(step, <-failed)
}

func catalogue() {
	locations, err := client.Location.All(ctx)
	check("locations", err)
	types, err := client.ServerType.All(ctx)
	check("types", err)
	priced := 0
	for _, one := range types {
		if len(one.Pricings) > 0 && one.Pricings[0].Hourly.Gross != "" {
			priced++
		}
	}
	require("catalogue", len(locations) > 0 && priced == len(types) && priced > 0, types)
}

func makeKey(publicKey string) *hcloud.SSHKey {
	made, _, err := client.SSHKey.Create(ctx, hcloud.SSHKeyCreateOpts{Name: "go", PublicKey: publicKey})
	check("key", err)
	found, _, err := client.SSHKey.GetByFingerprint(ctx, made.Fingerprint)
	check("key", err)
	require("key", found != nil && found.ID == made.ID, found)
	return made
}

func makeFirewall() *hcloud.Firewall {
	_, network, _ := net.ParseCIDR("198.51.100.7/32")
	port := "22"
	made, _, err := client.Firewall.Create(ctx, hcloud.FirewallCreateOpts{
		Name: "go",
		Rules: []hcloud.FirewallRule{{
			Direction: hcloud.FirewallRuleDirectionIn, Protocol: hcloud.FirewallRuleProtocolTCP,
			Port: &port, SourceIPs: []net.IPNet{*network},
		}},
	})
	check("firewall", err)
	found, _, err := client.Firewall.GetByName(ctx, "go")
	check("firewall", err)
	require("firewall", found != nil && len(found.Rules) == 1, found)
	return made.Firewall
}

func makeServer(key *hcloud.SSHKey, firewall *hcloud.Firewall) *hcloud.Server {
	made, _, err := client.Server.Create(ctx, hcloud.ServerCreateOpts{
		Name:       "go",
		ServerType: &hcloud.ServerType{Name: "cpx22"},
		Image:      &hcloud.Image{Name: "debian-12"},
		Location:   &hcloud.Location{Name: "nbg1"},
		SSHKeys:    []*hcloud.SSHKey{key},
		Firewalls:  []*hcloud.ServerCreateFirewall{{Firewall: *firewall}},
		Labels:     map[string]string{"made-by": "go"},
		UserData:   "#cloud-config\n{}\n",
	})
	check("server", err)
	await("server", made.Action)
	for _, next := range made.NextActions {
		await("server started", next)
	}
	server, _, err := client.Server.GetByID(ctx, made.Server.ID)
	check("server", err)
	require("server", server.Status == hcloud.ServerStatusRunning && server.PublicNet.IPv4.IP != nil, server)
	listed, err := client.Server.AllWithOpts(ctx, hcloud.ServerListOpts{
		ListOpts: hcloud.ListOpts{LabelSelector: "made-by=go", PerPage: 1},
	})
	check("list", err)
	require("list", len(listed) == 1 && listed[0].ID == server.ID, listed)
	return server
}

func snapshot(server *hcloud.Server) {
	off, _, err := client.Server.Poweroff(ctx, server)
	check("off", err)
	await("off", off)
	opts := hcloud.ServerCreateImageOpts{Type: hcloud.ImageTypeSnapshot, Description: hcloud.String("go snapshot")}
	made, _, err := client.Server.CreateImage(ctx, server, &opts)
	check("snapshot", err)
	await("snapshot", made.Action)
	images, err := client.Image.AllWithOpts(ctx, hcloud.ImageListOpts{Type: []hcloud.ImageType{hcloud.ImageTypeSnapshot}})
	check("snapshot", err)
	require("snapshot", len(images) == 1 && images[0].Status == hcloud.ImageStatusAvailable, images)
	_, err = client.Image.Delete(ctx, images[0])
	check("snapshot gone", err)
}

func end(server *hcloud.Server, firewall *hcloud.Firewall, key *hcloud.SSHKey) {
	_, err := client.Firewall.Delete(ctx, firewall)
	require("firewall in use", hcloud.IsError(err, hcloud.ErrorCode("resource_in_use")), err)
	_, err = client.Server.Delete(ctx, server)
	check("server gone", err)
	for tries := 0; tries < 500; tries++ {
		_, err = client.Firewall.Delete(ctx, firewall)
		if err == nil || hcloud.IsError(err, hcloud.ErrorCodeNotFound) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	check("firewall gone", err)
	_, err = client.SSHKey.Delete(ctx, key)
	check("key gone", err)
	servers, err := client.Server.All(ctx)
	check("all gone", err)
	require("all gone", len(servers) == 0, servers)
}
