package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bucketuser/infra/internal/clickhouse"
	"bucketuser/infra/internal/stack"
)

// deployProvider deploys the provider of this run's stacks, as make deploy-provider does. It serves names of this run alone.
func (l *live) deployProvider(ctx context.Context) error {
	_, err := l.deployed(ctx, l.name, "-c", "provider=true",
		"--parameters", "BucketNamePattern="+l.name+"-*", "--parameters", "SecretNamePattern="+l.name+"/*")
	return err
}

func (l *live) destroyProvider(ctx context.Context) error { return l.destroyed(ctx, l.name) }

func (l *live) appStack() string { return l.name + "-app" }

// useConstruct deploys the construct, as make deploy does, and has ClickHouse use the bucket by its Url.
func (l *live) useConstruct(ctx context.Context) error {
	args := []string{"-c", "onDelete=Purge", "-c", "prefix=clickhouse/"}
	for property, name := range l.names("app") {
		args = append(args, "-c", strings.ToLower(property[:1])+property[1:]+"="+name.(string))
	}
	outputs, err := l.deployed(ctx, l.appStack(), args...)
	if err != nil {
		return err
	}
	fields, err := stack.Secret(ctx, l.config, outputs["SecretArn"])
	if err != nil {
		return err
	}
	user := clickhouse.User{Python: l.tools.ClickHouse, Env: programs(), Endpoint: l.Endpoint, Secret: fields}
	return await(ctx, lagLimit, func() error { return uses(ctx, user) })
}

// uses wants every check of ClickHouse to be right.
func uses(ctx context.Context, user clickhouse.User) error {
	checks, err := user.Use(ctx)
	for _, c := range checks {
		if !c.OK {
			err = errors.Join(err, fmt.Errorf("clickhouse: %s: %s", c.Name, c.Detail))
		}
	}
	return err
}

func (l *live) destroyConstruct(ctx context.Context) error {
	if err := l.destroyed(ctx, l.appStack()); err != nil {
		return err
	}
	return l.wantLeft(ctx, "app")
}
