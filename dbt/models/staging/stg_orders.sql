with numbered as (

    select
        order_id,
        customer_id,
        ordered_on,
        quantity,
        amount,
        status,
        updated_at,
        "_airbyte_extracted_at" as extracted_at,
        {{ newest_first('order_id', 'updated_at') }} as version_number
    from {{ source('shop', 'orders') }}

)

select
    cast(order_id as bigint) as order_id,
    cast(customer_id as bigint) as customer_id,
    cast(ordered_on as date) as ordered_on,
    cast(quantity as integer) as quantity,
    cast(amount as decimal(12, 2)) as amount,
    cast(status as varchar) as status,
    cast(updated_at as timestamp) as updated_at,
    cast(extracted_at as timestamp) as extracted_at
from numbered
where version_number = 1
