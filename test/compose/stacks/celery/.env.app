DATABASE_URL=postgres://postgres:postgres@postgres/shop
SECRET_KEY="a\$b"
ALLOWED_HOSTS=*
