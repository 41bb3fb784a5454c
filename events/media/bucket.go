package media

import (
	"context"
	"errors"
	"io"
	"iter"
	"os"

	"gocloud.dev/blob"
	_ "gocloud.dev/blob/s3blob" // s3:// URLs, with credentials as AWS's own tools find them
	"gocloud.dev/gcerrors"
)

// bucket is a Store in a bucket of gocloud.dev.
type bucket struct{ *blob.Bucket }

func openBucket(ctx context.Context, url string) (*bucket, error) {
	opened, err := blob.OpenBucket(ctx, url)
	if err != nil {
		return nil, err
	}
	return &bucket{opened}, nil
}

func (b *bucket) Incoming() (*os.File, error) { return os.CreateTemp("", "parley"+unfinished) }

func (b *bucket) Put(ctx context.Context, key Key, file *os.File) error {
	content := io.NewSectionReader(file, 0, MaxBytes)
	return b.Upload(ctx, key.path(), content, &blob.WriterOptions{ContentType: "application/octet-stream"})
}

func (b *bucket) Open(ctx context.Context, key Key) (Blob, error) {
	reader, err := b.NewReader(ctx, key.path(), nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	return reader, nil
}

func (b *bucket) Delete(ctx context.Context, key Key) error {
	if err := b.Bucket.Delete(ctx, key.path()); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return err
	}
	return nil
}

func (b *bucket) List(ctx context.Context) iter.Seq2[Stored, error] {
	return func(yield func(Stored, error) bool) {
		for objects := b.Bucket.List(nil); ; {
			object, err := objects.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Stored{}, err)
				return
			}
			key, ok := parsePath(object.Key)
			if ok && !yield(Stored{key, object.Size, object.ModTime}, nil) {
				return
			}
		}
	}
}

func (b *bucket) Check(ctx context.Context) error {
	ok, err := b.IsAccessible(ctx)
	if err == nil && !ok {
		err = errors.New("the bucket does not exist or cannot be read")
	}
	return err
}
