const a = <div {...p} a="b" c={`d`}>{/* e */}<></><X.Y z={() => <b/>}>&amp; text</X.Y></div>;
export default a;
